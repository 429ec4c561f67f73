// bpf_map_lookup_elem, bpf_map_update_elem, bpf_map_delete_elem, bpf_map_lookup_percpu_elem
// (kernel/bpf/helpers.c). r1 is a vm::Map*; the verifier has proven that r2 and r3 point to a key
// and a value of this map.

#include "maps/maps.h"

namespace weir::maps {
namespace {

vm::Map& map_of(uint64_t r1) {
    return *reinterpret_cast<vm::Map*>(r1);
}
const uint8_t* memory_of(uint64_t address) {
    return reinterpret_cast<const uint8_t*>(address);
}
uint64_t pointer_result(const uint8_t* value) {
    return reinterpret_cast<uint64_t>(value);
}
/// Helpers return long: negative errors fill the upper half of r0.
uint64_t status_result(int status) {
    return static_cast<uint64_t>(static_cast<int64_t>(status));
}

uint64_t map_lookup_elem(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t,
                         vm::RunEnv& env) {
    return pointer_result(map_of(map).lookup(memory_of(key), env.cpu));
}

uint64_t map_update_elem(uint64_t map, uint64_t key, uint64_t value, uint64_t flags, uint64_t,
                         vm::RunEnv& env) {
    return status_result(map_of(map).update(memory_of(key), memory_of(value), flags, env.cpu));
}

uint64_t map_delete_elem(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    return status_result(map_of(map).erase(memory_of(key)));
}

/// The kernel's argument is u32 cpu; a cpu that has no slot gives NULL.
uint64_t map_lookup_percpu_elem(uint64_t map, uint64_t key, uint64_t cpu, uint64_t, uint64_t,
                                vm::RunEnv&) {
    return pointer_result(map_of(map).lookup(memory_of(key), static_cast<uint32_t>(cpu)));
}

}  // namespace

void add_map_helpers(vm::HelperTable& table) {
    table.functions[1] = map_lookup_elem;
    table.functions[2] = map_update_elem;
    table.functions[3] = map_delete_elem;
    table.functions[195] = map_lookup_percpu_elem;
}

}  // namespace weir::maps
