#include "dataplane/distributor.h"

#include <rte_prefetch.h>

#include <algorithm>

#include "dataplane/tapping.h"
#include "vm/base/check.h"

namespace weir::dataplane {
namespace {

ByteSpan first_piece(const rte_mbuf& packet) {
    return {rte_pktmbuf_mtod(&packet, const uint8_t*), packet.data_len};
}

/// On the side of the one producer. rte_ring_free_count loads what the consumer writes as if nobody
/// did.
uint32_t free_count(const rte_ring& ring) {
    return ring.capacity + __atomic_load_n(&ring.cons.tail, __ATOMIC_ACQUIRE) - ring.prod.tail;
}

}  // namespace

Distributor::Distributor(std::vector<rte_ring*> rings, FragmentedPairs& fragmented,
                         uint64_t wait_cycles)
    : fragmented_(fragmented), targets_(rings.size()), wait_cycles_(wait_cycles) {
    WEIR_CHECK(std::ranges::count(rings, nullptr) == 1);
    for (size_t i = 0; i < rings.size(); ++i) targets_[i].ring = rings[i];
}

Distributor::~Distributor() {
    for (Target& target : targets_) rte_pktmbuf_free_bulk(target.packets, target.count);
}

bool Distributor::have_room() {
    const bool room = std::ranges::all_of(targets_, [](const Target& target) {
        return target.ring == nullptr || free_count(*target.ring) >= kRxBurstPackets;
    });
    if (room) {
        stalled_since_tsc_ = 0;
        return true;
    }
    const uint64_t now = rte_rdtsc();
    if (stalled_since_tsc_ == 0) stalled_since_tsc_ = now;
    return now - stalled_since_tsc_ > wait_cycles_;
}

uint32_t Distributor::keep_own(std::span<rte_mbuf*> packets) {
    for (rte_mbuf* packet : packets) rte_prefetch0(rte_pktmbuf_mtod(packet, void*));
    const auto workers = static_cast<uint32_t>(targets_.size());
    const uint32_t now = time_stamp();
    uint32_t kept = 0;
    for (rte_mbuf* packet : packets) {
        Target& target = targets_[worker_of(flow_hash(first_piece(*packet), fragmented_), workers)];
        if (target.ring == nullptr) {
            packets[kept++] = packet;
        } else {
            packet->hash.fdir.hi = now;
            target.packets[target.count++] = packet;
        }
    }
    noted_ = static_cast<uint32_t>(packets.size()) - kept;
    return kept;
}

uint16_t Distributor::take(rte_ring& ring, rte_mbuf** packets) {
    const uint32_t count = rte_ring_sc_dequeue_burst(&ring, reinterpret_cast<void**>(packets),
                                                     kRxBurstPackets, nullptr);
    for (uint32_t i = 0; i < count; ++i) rte_prefetch0(packets[i]);
    for (uint32_t i = 0; i < count; ++i) rte_prefetch0(rte_pktmbuf_mtod(packets[i], void*));
    return static_cast<uint16_t>(count);
}

Distributor::Refused Distributor::flush(capture::Tap* tap, uint32_t port) {
    Refused refused;
    for (Target& target : targets_) {
        if (target.count == 0) continue;
        const uint32_t handed = rte_ring_sp_enqueue_burst(
            target.ring, reinterpret_cast<void**>(target.packets), target.count, nullptr);
        for (uint32_t i = handed; i < target.count; ++i) {
            refused.bytes += target.packets[i]->pkt_len;
            if (tap != nullptr)
                tap_dropped(*tap, *target.packets[i], port, DropReason::distributor_full);
        }
        refused.packets += target.count - handed;
        rte_pktmbuf_free_bulk(target.packets + handed, target.count - handed);
        target.count = 0;
    }
    noted_ = 0;
    return refused;
}

}  // namespace weir::dataplane
