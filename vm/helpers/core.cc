// What a program may learn of the core that it runs on, and its random numbers.

#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

uint64_t smp_processor_id(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv& env) {
    return env.cpu;
}
uint64_t numa_node_id(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv& env) {
    return env.numa_node;
}

/// xorshift64* (Vigna 2014): the upper half is the well mixed one. Good for sampling, not for
/// secrets, as the kernel's.
uint64_t prandom_u32(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv& env) {
    uint64_t x = env.prandom_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    env.prandom_state = x;
    return (x * 0x2545F4914F6CDD1Du) >> 32;
}

}  // namespace

void add_core_helpers(HelperTable& table) {
    set(table, HelperId::get_smp_processor_id, smp_processor_id);
    set(table, HelperId::get_numa_node_id, numa_node_id);
    set(table, HelperId::get_prandom_u32, prandom_u32);
}

}  // namespace weir::vm
