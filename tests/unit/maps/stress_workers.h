#pragma once
// Several threads on one map, for the stress tests of this folder.

#include <atomic>
#include <cerrno>
#include <functional>
#include <thread>
#include <vector>

#include "maps/reclaim.h"
#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {

constexpr uint32_t kWorkers = 3;
/// Instrumented code takes fewer steps.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSlow = true;
#else
constexpr bool kSlow = false;
#endif
/// What the control side sees at least, on a machine that gives it no turn before workers are done.
constexpr uint32_t kControlTurnsMin = 1'000;

/// Runs `body(worker)` on kWorkers registered threads and `control` on this one until they are
/// done, at least kControlTurnsMin times.
inline void run_workers(const std::function<void(uint32_t)>& body,
                        const std::function<void()>& control) {
    std::atomic<uint32_t> running{kWorkers};
    std::vector<std::thread> threads;
    for (uint32_t worker = 0; worker < kWorkers; ++worker) {
        threads.emplace_back([&, worker] {
            reader_register();
            body(worker);
            reader_unregister();
            --running;
        });
    }
    for (uint32_t turns = 0; running != 0 || turns < kControlTurnsMin; ++turns) control();
    for (std::thread& thread : threads) thread.join();
}

/// -EBUSY means that the holder of the lock lost its core; a program may try again.
template <typename Operation>
int until_not_busy(const Operation& operation) {
    int status = operation();
    while (status == -EBUSY) {
        std::this_thread::yield();
        status = operation();
    }
    return status;
}

/// Keys of eight bytes, found one after the other. Ends where a list has gone round.
inline uint32_t count_keys(vm::Map& map) {
    uint32_t keys = 0;
    uint64_t key = 0;
    auto* raw = reinterpret_cast<uint8_t*>(&key);
    for (int status = map.next_key(nullptr, raw); status == 0 && keys <= map.spec().entries_max * 2;
         status = map.next_key(raw, raw))
        ++keys;
    return keys;
}

}  // namespace weir::maps
