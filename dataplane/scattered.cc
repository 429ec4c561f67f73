#include "dataplane/scattered.h"

#include "dataplane/verdict.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"

namespace weir::dataplane {
namespace {

constexpr uint64_t kElsewhere = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;

bool is_ours_alone(const rte_mbuf& part) {
    return rte_mbuf_refcnt_read(&part) == 1 && (part.ol_flags & kElsewhere) == 0;
}

}  // namespace

bool can_show_scattered(const rte_mbuf& packet) {
    if (packet.nb_segs > 1 + kSegmentsMax || packet.data_len < kFrameBytesMin ||
        packet.pkt_len > kFrameBytesMax)
        return false;
    for (const rte_mbuf* part = &packet; part != nullptr; part = part->next)
        if (!is_ours_alone(*part)) return false;
    return true;
}

void open_scattered(const rte_mbuf& packet, std::span<vm::Segment> segments,
                    vm::XdpContext& context) {
    uint32_t count = 0;
    for (const rte_mbuf* part = packet.next; part != nullptr; part = part->next) {
        WEIR_CHECK(count < segments.size());
        segments[count++] = {.data = rte_pktmbuf_mtod(part, uint8_t*),
                             .bytes = part->data_len,
                             .bytes_max = static_cast<uint32_t>(part->buf_len - part->data_off)};
    }
    context.segments = segments.data();
    context.segment_count = count;
    context.frame_limit = context.data_end;  // what grows is the last segment
}

void close_scattered(rte_mbuf& packet, const vm::XdpContext& context) {
    uint32_t total = packet.data_len;
    rte_mbuf* last = &packet;
    for (uint32_t i = 0; i < context.segment_count; ++i) {
        last = last->next;
        last->data_len = static_cast<uint16_t>(context.segments[i].bytes);
        total += context.segments[i].bytes;
    }
    if (last->next != nullptr) rte_pktmbuf_free(last->next);
    last->next = nullptr;
    packet.nb_segs = static_cast<uint16_t>(1 + context.segment_count);
    packet.pkt_len = total;
}

}  // namespace weir::dataplane
