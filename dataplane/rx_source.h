#pragma once
// Where a worker's packets come from: a queue of a device, or the ring from a worker that shares
// such a queue out.

#include <rte_ethdev.h>
#include <rte_ring.h>

#include <cstdint>
#include <memory>

#include "dataplane/checksum_watch.h"
#include "dataplane/distributor.h"

namespace weir::dataplane {

struct RxSource {
    uint32_t port = 0;
    uint16_t port_id = 0;  ///< DPDK's
    uint16_t queue = 0;
    bool is_finite = false;  ///< a capture: left alone until a generation was published, so that
                             ///< none of it is lost
    bool completes_checksums = false;  ///< from an interface of the kernel, which leaves them out
    ChecksumSampler sampler;
    rte_ring* ring = nullptr;  ///< what worker `from` hands over of the queue; nullptr: the queue
    uint32_t from = 0;
    std::unique_ptr<Distributor> distributor;  ///< shares the queue out; nullptr: all is ours

    /// Since another worker polled a packet that came by the ring; 0 for others.
    uint64_t waited_cycles(const rte_mbuf& packet) const {
        return ring == nullptr ? 0 : Distributor::waited_cycles(packet);
    }
    /// Up to kRxBurstPackets.
    uint16_t take(rte_mbuf** packets) {
        if (__builtin_expect(ring != nullptr, 0)) return Distributor::take(*ring, packets);
        if (__builtin_expect(distributor != nullptr && !distributor->has_room(), 0)) return 0;
        return rte_eth_rx_burst(port_id, queue, packets, kRxBurstPackets);
    }
};

}  // namespace weir::dataplane
