#include "vm/interp/packet_load.h"

#include <algorithm>
#include <cstring>

namespace weir::vm {
namespace {

constexpr int32_t kNetworkOffset = -0x100000, kLinkOffset = -0x200000;  ///< SKF_NET_OFF, SKF_LL_OFF

/// skb_copy_bits
bool copy_bits(const XdpContext& frame, uint64_t offset, std::span<uint8_t> out) {
    const auto take = [&](const uint8_t* data, uint64_t bytes) {
        const uint64_t skipped = std::min(offset, bytes);
        const uint64_t taken = std::min<uint64_t>(bytes - skipped, out.size());
        if (taken != 0) std::memcpy(out.data(), data + skipped, taken);
        offset -= skipped;
        out = out.subspan(taken);
    };
    take(frame.data, static_cast<uint64_t>(frame.data_end - frame.data));
    for (uint32_t i = 0; i < frame.segment_count && !out.empty(); ++i)
        take(frame.segments[i].data, frame.segments[i].bytes);
    return out.empty();
}

/// bpf_internal_load_pointer_neg_helper
bool copy_from_header(const SkbContext& skb, int32_t offset, std::span<uint8_t> out) {
    if (offset < kLinkOffset) return false;
    const int64_t from = offset >= kNetworkOffset
                             ? int64_t{skb.network_offset} + offset - kNetworkOffset
                             : int64_t{skb.mac_offset} + offset - kLinkOffset;
    const int64_t low = skb.frame.frame_start - skb.frame.data;
    const int64_t high = skb.frame.data_end - skb.frame.data;
    if (from < low || from + static_cast<int64_t>(out.size()) > high) return false;
    std::memcpy(out.data(), skb.frame.data + from, out.size());
    return true;
}

}  // namespace

bool load_packet_bytes(const SkbContext& skb, int32_t offset, std::span<uint8_t> out) {
    return offset >= 0 ? copy_bits(skb.frame, static_cast<uint64_t>(offset), out)
                       : copy_from_header(skb, offset, out);
}

}  // namespace weir::vm
