#pragma once
// struct bpf_spin_lock in a map's value: four bytes, 0 is free (kernel/bpf/helpers.c,
// __bpf_spin_lock). Programs hold one for a few straight instructions, without calls, and never
// two: the verifier sees to that, so a waiter waits for a worker that is running.

#include <sched.h>

#include <cstdint>

#include "maps/spin_lock.h"

namespace weir::maps {

/// Tries between two offers to let another thread run: the holder may have lost its core.
constexpr uint32_t kValueLockSpins = 4096;

/// `lock` is aligned to 4.
inline void lock_value(uint8_t* lock) {
    auto* word = reinterpret_cast<uint32_t*>(lock);
    for (uint32_t spins = 1; __atomic_exchange_n(word, 1u, __ATOMIC_ACQUIRE) != 0; ++spins) {
        if (spins % kValueLockSpins == 0) sched_yield();
        spin_pause();
    }
}

inline void unlock_value(uint8_t* lock) {
    __atomic_store_n(reinterpret_cast<uint32_t*>(lock), 0u, __ATOMIC_RELEASE);
}

}  // namespace weir::maps
