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

const uint8_t* buffer_of(const rte_mbuf& part) {
    return static_cast<const uint8_t*>(part.buf_addr);
}

bool lies_in(const rte_mbuf& part, const vm::Segment& segment) {
    return segment.data >= buffer_of(part) && segment.data <= buffer_of(part) + part.buf_len;
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
    uint32_t total = packet.data_len, kept = 0;
    rte_mbuf* last = &packet;
    for (rte_mbuf* part = packet.next; part != nullptr;) {
        rte_mbuf* const next = part->next;
        if (kept < context.segment_count && lies_in(*part, context.segments[kept])) {
            const vm::Segment& segment = context.segments[kept++];
            part->data_off = static_cast<uint16_t>(segment.data - buffer_of(*part));
            part->data_len = static_cast<uint16_t>(segment.bytes);
            total += segment.bytes;
            last->next = part;
            last = part;
        } else {
            rte_pktmbuf_free_seg(part);
        }
        part = next;
    }
    WEIR_CHECK(kept == context.segment_count);
    last->next = nullptr;
    packet.nb_segs = static_cast<uint16_t>(1 + kept);
    packet.pkt_len = total;
}

}  // namespace weir::dataplane
