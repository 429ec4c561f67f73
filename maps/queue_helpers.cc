// bpf_map_push_elem, bpf_map_pop_elem, bpf_map_peek_elem (kernel/bpf/helpers.c).

#include "maps/map_helpers.h"

namespace weir::maps {
namespace {

uint64_t map_push_elem(uint64_t map, uint64_t value, uint64_t flags, uint64_t, uint64_t,
                       vm::RunEnv&) {
    return status_result(map_argument(map).push(memory_argument(value), flags));
}

uint64_t map_pop_elem(uint64_t map, uint64_t value, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    return status_result(map_argument(map).pop(memory_argument(value)));
}

uint64_t map_peek_elem(uint64_t map, uint64_t value, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    return status_result(map_argument(map).peek(memory_argument(value)));
}

}  // namespace

void add_queue_helpers(vm::HelperTable& table) {
    table.functions[87] = map_push_elem;
    table.functions[88] = map_pop_elem;
    table.functions[89] = map_peek_elem;
}

}  // namespace weir::maps
