#include "dataplane/tapping.h"

#include <cstddef>
#include <memory>

#include "dataplane/scattered.h"
#include "dataplane/worker.h"

namespace weir::dataplane {
namespace {

static_assert(kDropReasons <= 64, "capture::Selection has a bit for each");
static_assert(Counters::kPortsMax <= capture::kPortsMax);
static_assert(kRxBurstPackets <= kBurstPacketsMax);

/// A packet as its buffers have it.
class MbufBytes {
public:
    explicit MbufBytes(const rte_mbuf& packet) {
        uint32_t count = 0;
        for (const rte_mbuf* next = packet.next; next != nullptr && count < kSegmentsMax;
             next = next->next)
            std::construct_at(segments() + count++, rte_pktmbuf_mtod(next, uint8_t*),
                              uint32_t{next->data_len}, 0u);
        bytes_ = {.data = rte_pktmbuf_mtod(&packet, const uint8_t*),
                  .bytes = packet.data_len,
                  .wire_bytes = packet.pkt_len,
                  .segments = {segments(), count}};
    }
    MbufBytes(const MbufBytes&) = delete;
    MbufBytes& operator=(const MbufBytes&) = delete;

    operator const capture::PacketBytes&() const { return bytes_; }

private:
    vm::Segment* segments() { return reinterpret_cast<vm::Segment*>(room_); }

    /// Left as it is where a packet has one buffer.
    alignas(vm::Segment) std::byte room_[kSegmentsMax * sizeof(vm::Segment)];
    capture::PacketBytes bytes_;
};

}  // namespace

void tap_dropped(capture::Tap& tap, const rte_mbuf& packet, uint32_t port, DropReason reason) {
    tap.dropped(&packet, static_cast<uint8_t>(reason), port, MbufBytes(packet));
}

void tap_not_sent(capture::Tap& tap, const rte_mbuf& packet, uint32_t port, DropReason reason) {
    tap.not_sent(&packet, static_cast<uint8_t>(reason), port, MbufBytes(packet));
}

void tap_leaves(capture::Tap& tap, const rte_mbuf& packet, uint32_t port) {
    tap.leaves(&packet, port, MbufBytes(packet));
}

void Worker::tap_burst(const RxSource& source, const LiveGeneration& live) {
    const bool passes = live.ports[source.port].way == BurstWay::Passed;
    tap_now_->begin_burst(source.port, source.queue,
                          passes ? static_cast<uint8_t>(vm::XDP_PASS) : capture::kNone);
    for (uint32_t i = 0; i < burst_.count; ++i)
        tap_now_->received(burst_.packets[i], MbufBytes(*burst_.packets[i]));
}

void Worker::tap_verdicts(const ChainEntry& entry) {
    guard_.leave();
    for (uint32_t i = 0; i < burst_.count; ++i)
        tap_now_->judged(i, burst_.verdicts[i], capture::Hook::Ingress, entry.name);
}

void Worker::tap_verdict(uint32_t i, uint32_t verdict, capture::Hook hook) {
    guard_.leave();
    tap_now_->judged(i, verdict, hook,
                     run_.entry == nullptr ? std::string_view() : run_.entry->name);
}

void Worker::tap_leave_all(uint32_t out) {
    for (uint32_t i = 0; i < burst_.count; ++i) tap_leaves(*tap_now_, *burst_.packets[i], out);
}

}  // namespace weir::dataplane
