// bpf_spin_lock, bpf_spin_unlock (kernel/bpf/helpers.c).

#include "maps/held_locks.h"
#include "maps/map_helpers.h"
#include "maps/value_lock.h"

namespace weir::maps {
namespace {

uint64_t spin_lock(uint64_t lock, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    ++held_locks;  // first: from here on nobody may take the program away
    lock_value(memory_argument(lock));
    return 0;
}

uint64_t spin_unlock(uint64_t lock, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    unlock_value(memory_argument(lock));
    --held_locks;
    return 0;
}

}  // namespace

void add_lock_helpers(vm::HelperTable& table) {
    set(table, vm::HelperId::spin_lock, spin_lock);
    set(table, vm::HelperId::spin_unlock, spin_unlock);
}

}  // namespace weir::maps
