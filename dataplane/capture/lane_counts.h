#pragma once
// What one capture counted on one worker. As Counters of the packet path: plain numbers of the
// worker's, copied once a burst under a sequence lock, so that every read is of one moment.

#include <atomic>
#include <cstdint>

#include "vm/base/sequence_lock.h"

namespace weir::dataplane::capture {

struct Counts {
    uint64_t matched = 0;  ///< taken + refused
    uint64_t taken = 0;    ///< into the ring
    uint64_t refused = 0;  ///< the ring was full
    uint64_t skipped = 0;  ///< by sampling
};

class LaneCounts {
public:
    Counts& own() { return own_; }  ///< the worker's

    /// The worker, before what it took becomes visible in the ring.
    void publish() {
        lock_.write([this] {
            matched_.store(own_.matched, std::memory_order_release);
            taken_.store(own_.taken, std::memory_order_release);
            refused_.store(own_.refused, std::memory_order_release);
            skipped_.store(own_.skipped, std::memory_order_release);
        });
    }

    /// Any thread.
    Counts read() const {
        Counts counts;
        lock_.read([&] {
            counts = {.matched = matched_.load(std::memory_order_acquire),
                      .taken = taken_.load(std::memory_order_acquire),
                      .refused = refused_.load(std::memory_order_acquire),
                      .skipped = skipped_.load(std::memory_order_acquire)};
        });
        return counts;
    }

private:
    Counts own_;
    alignas(64) SequenceLock lock_;
    std::atomic<uint64_t> matched_{0}, taken_{0}, refused_{0}, skipped_{0};
};

}  // namespace weir::dataplane::capture
