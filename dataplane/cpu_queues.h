#pragma once
// Packets on their way from one worker to another by a cpumap. A queue for each pair of workers,
// so that each has one writer and one reader, no packet overtakes another, and nobody waits.

#include <rte_mbuf.h>

#include <cstdint>
#include <vector>

#include "maps/cpumap.h"
#include "vm/base/spsc_ring.h"

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

using CpuQueue = SpscRing<CpuMessage, maps::kCpumapQueueMax>;

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
