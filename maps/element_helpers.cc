// bpf_map_lookup_elem, bpf_map_update_elem, bpf_map_delete_elem, bpf_map_lookup_percpu_elem
// (kernel/bpf/helpers.c).

#include "maps/map_helpers.h"

namespace weir::maps {
namespace {

uint64_t map_lookup_elem(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t,
                         vm::RunEnv& env) {
    return pointer_result(map_argument(map).lookup(memory_argument(key), env.cpu));
}

uint64_t map_update_elem(uint64_t map, uint64_t key, uint64_t value, uint64_t flags, uint64_t,
                         vm::RunEnv& env) {
    return status_result(
        map_argument(map).update(memory_argument(key), memory_argument(value), flags, env.cpu));
}

uint64_t map_delete_elem(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    return status_result(map_argument(map).erase(memory_argument(key)));
}

/// The kernel's argument is u32 cpu; a cpu that has no slot gives NULL.
uint64_t map_lookup_percpu_elem(uint64_t map, uint64_t key, uint64_t cpu, uint64_t, uint64_t,
                                vm::RunEnv&) {
    vm::Map& values = map_argument(map);
    if (!vm::is_percpu(values.spec().type)) return 0;
    return pointer_result(values.lookup(memory_argument(key), static_cast<uint32_t>(cpu)));
}

}  // namespace

void add_element_helpers(vm::HelperTable& table) {
    set(table, vm::HelperId::map_lookup_elem, map_lookup_elem);
    set(table, vm::HelperId::map_update_elem, map_update_elem);
    set(table, vm::HelperId::map_delete_elem, map_delete_elem);
    set(table, vm::HelperId::map_lookup_percpu_elem, map_lookup_percpu_elem);
}

}  // namespace weir::maps
