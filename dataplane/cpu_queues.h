#pragma once
// Packets on their way from one worker to another by a cpumap. A queue for each pair of workers,
// so that each has one writer and one reader, no packet overtakes another, and nobody waits.

#include <rte_mbuf.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "maps/cpumap.h"

namespace weir::dataplane {

/// A packet and what its context was. It names its cpumap by number and keeps nothing alive.
struct CpuMessage {
    rte_mbuf* packet;
    uint32_t map;  ///< maps::Cpumap::number
    uint32_t key;
    uint32_t port;  ///< that it came in by
    uint16_t queue;
    uint16_t meta_bytes;  ///< metadata in front of the frame
};

class CpuQueue {
public:
    CpuQueue() : messages_(std::make_unique_for_overwrite<CpuMessage[]>(kRoom)) {}

    // -- writer
    /// Messages that wait, at most as many as do.
    uint32_t waiting() const {
        return written_.load(std::memory_order_relaxed) - taken_.load(std::memory_order_acquire);
    }
    /// waiting() must be below maps::kCpumapQueueMax.
    void put(const CpuMessage& message) {
        const uint32_t at = written_.load(std::memory_order_relaxed);
        messages_[at % kRoom] = message;
        written_.store(at + 1, std::memory_order_release);
    }
    // -- reader
    /// False: there is none.
    bool take(CpuMessage& message) {
        const uint32_t at = taken_.load(std::memory_order_relaxed);
        if (at == written_.load(std::memory_order_acquire)) return false;
        message = messages_[at % kRoom];
        taken_.store(at + 1, std::memory_order_release);
        return true;
    }

private:
    static constexpr uint32_t kRoom = maps::kCpumapQueueMax;
    static_assert((kRoom & (kRoom - 1)) == 0);

    std::unique_ptr<CpuMessage[]> messages_;
    alignas(64) std::atomic<uint32_t> written_{0};  ///< release by the writer
    alignas(64) std::atomic<uint32_t> taken_{0};    ///< release by the reader
};

/// Of all workers. Made when the first cpumap is.
class CpuQueues {
public:
    explicit CpuQueues(uint32_t workers) : workers_(workers), queues_(workers * workers) {}

    uint32_t workers() const { return workers_; }
    CpuQueue& between(uint32_t from, uint32_t to) { return queues_[from * workers_ + to]; }

private:
    uint32_t workers_;
    std::vector<CpuQueue> queues_;
};

}  // namespace weir::dataplane
