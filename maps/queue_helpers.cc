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
    set(table, vm::HelperId::map_push_elem, map_push_elem);
    set(table, vm::HelperId::map_pop_elem, map_pop_elem);
    set(table, vm::HelperId::map_peek_elem, map_peek_elem);
}

}  // namespace weir::maps
