#pragma once
// Which worker serves which queue. Every receive queue has exactly one worker. Where a device has
// fewer transmit queues than there are workers, the workers without one hand their packets to an
// owner.

#include <cstdint>
#include <span>
#include <vector>

namespace weir::dataplane {

struct PortQueues {
    uint16_t rx = 1;
    uint16_t tx = 1;
    bool distributed = false;  ///< each receive queue is shared out to all workers
};

struct RxAssignment {
    uint32_t port = 0;
    uint16_t queue = 0;
};
struct TxAssignment {
    uint32_t owner =
        0;  ///< worker that owns the queue; never a higher index than the worker that sends
    uint16_t queue = 0;
};

struct QueueLayout {
    std::vector<std::vector<RxAssignment>> rx;  ///< by worker
    std::vector<std::vector<TxAssignment>> tx;  ///< by worker, by port
};

/// Receive queues go round the workers, on from port to port. Packets are only ever handed to a
/// lower worker, so that reading counters in ascending order never sees a packet taken that was not
/// yet handed out.
QueueLayout assign_queues(std::span<const PortQueues> ports, uint32_t workers);

}  // namespace weir::dataplane
