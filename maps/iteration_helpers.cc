// bpf_for_each_map_elem (kernel/bpf/bpf_iter.c, bpf_for_each_array_elem, bpf_for_each_hash_elem).

#include <cerrno>

#include "maps/map_helpers.h"

namespace weir::maps {
namespace {

struct Iteration {
    vm::RunEnv& env;
    uint64_t map;
    uint64_t callback;
    uint64_t context;
};

/// The callback's arguments are the map, the key, the value and the caller's context.
uint64_t visit_element(void* opaque, const uint8_t* key, uint8_t* value) {
    const Iteration& iteration = *static_cast<const Iteration*>(opaque);
    vm::RunEnv& env = iteration.env;
    const uint64_t stop =
        env.call(env, iteration.callback,
                 {iteration.map, pointer_result(key), pointer_result(value), iteration.context, 0});
    return env.callback_failed ? 1 : stop;
}

uint64_t for_each_map_elem(uint64_t map, uint64_t callback, uint64_t context, uint64_t flags,
                           uint64_t, vm::RunEnv& env) {
    if (flags != 0) return status_result(-EINVAL);
    if (env.call == nullptr) return status_result(-EOPNOTSUPP);
    Iteration iteration{env, map, callback, context};
    return status_result(map_argument(map).for_each(visit_element, &iteration, env.cpu));
}

}  // namespace

void add_iteration_helpers(vm::HelperTable& table) {
    set(table, vm::HelperId::for_each_map_elem, for_each_map_elem);
}

}  // namespace weir::maps
