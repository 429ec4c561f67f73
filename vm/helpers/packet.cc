// Helpers that move the edges of a packet or copy from and to it: net/core/filter.c, bpf_xdp_*.
// Offsets are the kernel's `int`, so only the low half of the register counts.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vm/base/limits.h"
#include "vm/helpers/groups.h"
#include "vm/helpers/segments.h"

namespace weir::vm {
namespace {

constexpr int64_t kMetaBytesMax = 255;  ///< skb_shared_info.meta_len is a byte
constexpr uint32_t kMetaAlignBytes = 4;
constexpr uint64_t kMostNegative = uint64_t{1} << 31;

XdpContext& context_of(uint64_t r1) {
    return *reinterpret_cast<XdpContext*>(r1);
}
int64_t offset_of(uint64_t value) {
    return static_cast<int32_t>(value);
}
int64_t length_of(const XdpContext& context) {
    return context.data_end - context.data;
}

/// The metadata in front of the packet moves with its head.
uint64_t adjust_head(uint64_t r1, uint64_t r2, uint64_t, uint64_t, uint64_t, RunEnv&) {
    XdpContext& context = context_of(r1);
    const int64_t offset = offset_of(r2);
    const int64_t room_in_front = context.data_meta - context.frame_start;
    if (offset < -room_in_front || offset > length_of(context) - kFrameBytesMin)
        return error_value(-EINVAL);
    const auto meta_bytes = static_cast<size_t>(context.data - context.data_meta);
    if (meta_bytes != 0) std::memmove(context.data_meta + offset, context.data_meta, meta_bytes);
    context.data_meta += offset;
    context.data += offset;
    return 0;
}

uint64_t adjust_meta(uint64_t r1, uint64_t r2, uint64_t, uint64_t, uint64_t, RunEnv&) {
    XdpContext& context = context_of(r1);
    const int64_t offset = offset_of(r2);
    const int64_t room_in_front = context.data_meta - context.frame_start;
    const int64_t meta_bytes = context.data - context.data_meta - offset;
    if (offset < -room_in_front || meta_bytes < 0) return error_value(-EINVAL);
    if (meta_bytes % kMetaAlignBytes != 0 || meta_bytes > kMetaBytesMax)
        return error_value(-EACCES);
    context.data_meta += offset;
    return 0;
}

/// A packet of several pieces grows in its last one, as far as that has room.
int grow_last_segment(XdpContext& context, uint32_t bytes) {
    Segment& last = context.segments[context.segment_count - 1];
    if (bytes > last.bytes_max - last.bytes) return -EINVAL;
    std::memset(last.data + last.bytes, 0, bytes);
    last.bytes += bytes;
    return 0;
}

/// Segments shrink from the end, and those that become empty are dropped; what is left then comes
/// off the linear part.
int shrink_segments(XdpContext& context, uint64_t bytes) {
    if (bytes == kMostNegative) return 0;  // the kernel's int cannot hold it, and nothing happens
    if (bytes + kFrameBytesMin > packet_bytes(context)) return -EINVAL;
    while (bytes != 0 && context.segment_count != 0) {
        Segment& last = context.segments[context.segment_count - 1];
        const auto part = static_cast<uint32_t>(std::min<uint64_t>(bytes, last.bytes));
        last.bytes -= part;
        bytes -= part;
        if (last.bytes == 0) --context.segment_count;
    }
    context.data_end -= bytes;
    return 0;
}

/// Bytes that a packet grows by are zero: what stood there belongs to others.
int move_linear_tail(XdpContext& context, int64_t offset) {
    const int64_t room_behind = context.frame_limit - context.data_end;
    if (offset > room_behind || length_of(context) + offset < kFrameBytesMin) return -EINVAL;
    if (offset > 0) std::memset(context.data_end, 0, static_cast<size_t>(offset));
    context.data_end += offset;
    return 0;
}

uint64_t adjust_tail(uint64_t r1, uint64_t r2, uint64_t, uint64_t, uint64_t, RunEnv&) {
    XdpContext& context = context_of(r1);
    const int64_t offset = offset_of(r2);
    if (context.segment_count == 0) return error_value(move_linear_tail(context, offset));
    return error_value(offset < 0 ? shrink_segments(context, static_cast<uint64_t>(-offset))
                                  : grow_last_segment(context, static_cast<uint32_t>(offset)));
}

/// Drops `bytes` from the front of the segments.
void shrink_segments_in_front(XdpContext& context, uint32_t bytes) {
    uint32_t empty = 0;
    for (; bytes != 0; ++empty) {
        Segment& first = context.segments[empty];
        const uint32_t part = std::min(bytes, first.bytes);
        first.data += part;
        first.bytes -= part;
        first.bytes_max -= part;
        bytes -= part;
        if (first.bytes != 0) break;
    }
    context.segment_count -= empty;
    std::copy_n(context.segments + empty, context.segment_count, context.segments);
}

/// Makes the first `r2` bytes lie in one piece; the packet moves towards its headroom where there
/// is too little room behind.
uint64_t pull_data(uint64_t r1, uint64_t r2, uint64_t, uint64_t, uint64_t, RunEnv&) {
    XdpContext& context = context_of(r1);
    const auto wanted = static_cast<uint32_t>(r2);
    const int64_t missing = int64_t{wanted} - length_of(context);
    if (missing <= 0) return 0;
    const int64_t room_in_front = context.data_meta - context.frame_start;
    const int64_t room_behind = context.frame_limit - context.data_end;
    if (wanted > packet_bytes(context) || missing > room_in_front + room_behind)
        return error_value(-EINVAL);
    const int64_t shift = std::max<int64_t>(missing - room_behind, 0);
    std::memmove(context.data_meta - shift, context.data_meta,
                 static_cast<size_t>(context.data_end - context.data_meta));
    context.data_meta -= shift;
    context.data -= shift;
    context.data_end -= shift;
    const auto bytes = static_cast<uint32_t>(missing);
    copy_from_packet(context, static_cast<uint32_t>(length_of(context)), context.data_end, bytes);
    context.data_end += bytes;
    shrink_segments_in_front(context, bytes);
    return 0;
}

uint64_t get_buff_len(uint64_t r1, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    return packet_bytes(context_of(r1));
}

uint64_t load_bytes(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t, RunEnv& env) {
    auto* const buffer = reinterpret_cast<uint8_t*>(r3);
    const auto bytes = static_cast<uint32_t>(r4);
    const int error = load_packet(context_of(r1), static_cast<uint32_t>(r2), buffer, bytes);
    if (error != 0) leave_unfilled(env, buffer, bytes);
    return error_value(error);
}

uint64_t store_bytes(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t, RunEnv&) {
    return error_value(store_packet(context_of(r1), static_cast<uint32_t>(r2),
                                    reinterpret_cast<const uint8_t*>(r3),
                                    static_cast<uint32_t>(r4)));
}

/// bpf_xdp_redirect: no flag is known here.
uint64_t redirect(uint64_t r1, uint64_t r2, uint64_t, uint64_t, uint64_t, RunEnv& env) {
    if (r2 != 0) return XDP_ABORTED;
    env.redirect_ifindex = static_cast<uint32_t>(r1);
    env.redirect_to.map = nullptr;  // the number may be kRedirectByMap
    return XDP_REDIRECT;
}

}  // namespace

void add_packet_helpers(HelperTable& table) {
    set(table, HelperId::xdp_adjust_head, adjust_head);
    set(table, HelperId::xdp_adjust_meta, adjust_meta);
    set(table, HelperId::xdp_adjust_tail, adjust_tail);
    set(table, HelperId::xdp_get_buff_len, get_buff_len);
    set(table, HelperId::xdp_load_bytes, load_bytes);
    set(table, HelperId::xdp_store_bytes, store_bytes);
    set(table, HelperId::redirect, redirect);
    set(table, KfuncId::bpf_xdp_pull_data, pull_data);
}

}  // namespace weir::vm
