#include "dataplane/transmit.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <cstring>

#include "dataplane/packet_trace.h"
#include "dataplane/tapping.h"

namespace weir::dataplane {
namespace {

constexpr uint64_t kStallBoundUs =
    50;  ///< a device that takes nothing for so long gets no more chances for these packets
constexpr uint32_t kDrainRounds = 1000;
constexpr uint32_t kHandoverBurst = 64;

}  // namespace

Transmitter::Transmitter(Counters& counters, std::vector<TxTarget> targets,
                         std::vector<TxSource> sources)
    : counters_(counters),
      buffers_(targets.size()),
      sources_(std::move(sources)),
      stall_bound_tsc_(rte_get_tsc_hz() / 1'000'000 * kStallBoundUs) {
    for (size_t i = 0; i < targets.size(); ++i) buffers_[i].target = targets[i];
}

Transmitter::~Transmitter() {
    for (Buffer& buffer : buffers_) rte_pktmbuf_free_bulk(buffer.packets, buffer.count);
}

void Transmitter::drop(uint32_t port, rte_mbuf* packet, DropReason reason) {
    counters_.drop(port, reason, 1);
    if (recording_ != nullptr) recording_->note_not_sent(port, reason);
    if (tap_ != nullptr) tap_not_sent(*tap_, *packet, port, reason);
    rte_pktmbuf_free(packet);
}

void Transmitter::send_slowly(uint32_t port, rte_mbuf* packet) {
    Buffer& buffer = buffers_[port];
    if (packet->pkt_len > buffer.target.frame_bytes_max) {
        drop(port, packet, DropReason::exceeds_mtu);
        return;
    }
    if (buffer.target.handover == nullptr) flush_device(port);
    if (buffer.count == kTxBufferPackets) {
        drop(port, packet,
             buffer.target.handover == nullptr ? DropReason::tx_full : DropReason::handover_full);
        return;
    }
    send(port, packet);
}

void Transmitter::note_in_flight(uint32_t port) {
    const Buffer& buffer = buffers_[port];
    counters_.traffic(port).in_flight = buffer.count + buffer.handed - buffer.taken;
}

void Transmitter::keep_rest(Buffer& buffer, uint32_t sent) {
    buffer.count -= sent;
    std::memmove(buffer.packets, buffer.packets + sent, buffer.count * sizeof buffer.packets[0]);
    buffer.bytes = 0;
    for (uint32_t i = 0; i < buffer.count; ++i) buffer.bytes += buffer.packets[i]->pkt_len;
}

void Transmitter::give_up(uint32_t port, DropReason reason) {
    Buffer& buffer = buffers_[port];
    counters_.drop(port, reason, buffer.count);
    for (uint32_t i = 0; tap_ != nullptr && i < buffer.count; ++i)
        tap_not_sent(*tap_, *buffer.packets[i], port, reason);
    rte_pktmbuf_free_bulk(buffer.packets, buffer.count);
    buffer.count = 0;
    buffer.bytes = 0;
    buffer.stalled_since_tsc = 0;
}

void Transmitter::flush_device(uint32_t port) {
    Buffer& buffer = buffers_[port];
    PortTraffic& counts = counters_.traffic(port);
    const uint64_t bytes = buffer.bytes;
    const uint32_t sent = rte_eth_tx_burst(buffer.target.port_id, buffer.target.queue,
                                           buffer.packets, static_cast<uint16_t>(buffer.count));
    counts.tx += sent;
    if (__builtin_expect(sent == buffer.count, 1)) {
        counts.tx_bytes += bytes;
        buffer.count = 0;
        buffer.bytes = 0;
        buffer.stalled_since_tsc = 0;
        return;
    }
    keep_rest(buffer, sent);
    counts.tx_bytes += bytes - buffer.bytes;
    const uint64_t now = rte_rdtsc();
    if (buffer.stalled_since_tsc == 0 || sent != 0) {
        buffer.stalled_since_tsc = now;
    } else if (now - buffer.stalled_since_tsc > stall_bound_tsc_) {
        give_up(port, DropReason::tx_full);
    }
}

bool Transmitter::take_handovers() {
    bool moved = false;
    for (const TxSource& source : sources_) {
        void* objects[kHandoverBurst];
        const uint32_t count =
            rte_ring_sc_dequeue_burst(source.handover, objects, kHandoverBurst, nullptr);
        if (count == 0) continue;
        moved = true;
        buffers_[source.port].taken += count;
        pending_ |= 1u << source.port;
        for (uint32_t i = 0; i < count; ++i) send(source.port, static_cast<rte_mbuf*>(objects[i]));
    }
    return moved;
}

bool Transmitter::flush_devices() {
    const bool moved = !sources_.empty() && take_handovers();
    for (uint32_t left = pending_; left != 0; left &= left - 1) {
        const auto port = static_cast<uint32_t>(__builtin_ctz(left));
        Buffer& buffer = buffers_[port];
        if (buffer.target.handover == nullptr) {
            if (buffer.count != 0) flush_device(port);
            if (buffer.count == 0) pending_ &= ~(1u << port);
        }
        note_in_flight(port);
    }
    return moved;
}

void Transmitter::flush_handovers() {
    for (uint32_t left = pending_; left != 0; left &= left - 1) {
        const auto port = static_cast<uint32_t>(__builtin_ctz(left));
        Buffer& buffer = buffers_[port];
        if (buffer.target.handover == nullptr) continue;
        const uint32_t handed = rte_ring_sp_enqueue_burst(buffer.target.handover,
                                                          reinterpret_cast<void**>(buffer.packets),
                                                          buffer.count, nullptr);
        buffer.handed += handed;
        if (handed != buffer.count) {
            keep_rest(buffer, handed);
            give_up(port, DropReason::handover_full);
            note_in_flight(port);
        }
        buffer.count = 0;
        buffer.bytes = 0;
        pending_ &= ~(1u << port);
    }
}

void Transmitter::drain() {
    for (uint32_t round = 0; round < kDrainRounds; ++round) {
        const bool moved = flush_devices();
        counters_.publish();
        flush_handovers();
        if (!moved && pending_ == 0) return;
    }
    for (uint32_t port = 0; port < buffers_.size(); ++port) {
        if (buffers_[port].count == 0) continue;
        give_up(port, DropReason::shutdown);
        note_in_flight(port);
    }
    counters_.publish();
}

}  // namespace weir::dataplane
