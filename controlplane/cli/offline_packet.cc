#include "controlplane/cli/offline_packet.h"

#include <algorithm>
#include <cstring>

#include "vm/base/check.h"

namespace weir::controlplane::cli {
namespace {

enum PacketType : uint32_t { kToHost = 0, kBroadcast = 1, kMulticast = 2 };

/// skb->protocol as eth_type_trans (net/ethernet/eth.c) makes it, in network order.
uint16_t protocol_be16(ByteSpan frame) {
    constexpr size_t kTypeOffset = 12;
    constexpr uint16_t kTypeMin = 0x0600;  ///< below it is a length (IEEE 802.3)
    constexpr uint16_t kNovell = 0x0001, kLlc = 0x0004;
    if (frame.size() < kFrameBytesMin) return 0;
    const auto type = static_cast<uint16_t>(frame[kTypeOffset] << 8 | frame[kTypeOffset + 1]);
    const bool is_novell = frame.size() >= kFrameBytesMin + 2 && frame[kFrameBytesMin] == 0xff &&
                           frame[kFrameBytesMin + 1] == 0xff;
    return __builtin_bswap16(type >= kTypeMin ? type : is_novell ? kNovell : kLlc);
}

PacketType packet_type(ByteSpan frame) {
    constexpr size_t kMacBytes = 6;
    if (frame.size() < kMacBytes || (frame[0] & 1) == 0) return kToHost;
    const bool is_broadcast = std::all_of(frame.begin(), frame.begin() + kMacBytes,
                                          [](uint8_t byte) { return byte == 0xff; });
    return is_broadcast ? kBroadcast : kMulticast;
}

}  // namespace

vm::XdpContext OfflinePacket::lay_out(ByteSpan linear) {
    const size_t room = std::max<size_t>(linear.size(), kLinearBytes);
    linear_.resize(std::max(linear_.size(), kPacketHeadroomBytes + room));
    // The same bytes around every packet, so that a run is repeatable.
    std::fill(linear_.begin(), linear_.end(), uint8_t{0});
    vm::XdpContext context{};
    context.data = context.data_meta = linear_.data() + kPacketHeadroomBytes;
    if (!linear.empty()) std::memcpy(context.data, linear.data(), linear.size());
    context.data_end = context.data + linear.size();
    context.frame_start = linear_.data() + kXdpFrameBytes;
    context.frame_limit = context.data + room;
    context.ingress_ifindex = kOfflineIfindex;
    return context;
}

vm::XdpContext OfflinePacket::load_xdp(ByteSpan bytes, bool has_frags) {
    WEIR_CHECK(bytes.size() <= kFrameBytesMax);
    if (!has_frags || bytes.size() <= kLinearBytes) return lay_out(bytes);
    vm::XdpContext context = lay_out(bytes.first(kLinearBytes));
    context.frame_limit = context.data_end;
    context.segments = segments_.data();
    // Each fragment has a page: what is free of the last one's is what a tail can grow into.
    const ByteSpan rest = bytes.subspan(kLinearBytes);
    fragments_.assign((rest.size() + kPageBytes - 1) / kPageBytes * kPageBytes, uint8_t{0});
    std::memcpy(fragments_.data(), rest.data(), rest.size());
    for (size_t offset = 0; offset < rest.size(); offset += kPageBytes)
        segments_[context.segment_count++] = {
            fragments_.data() + offset,
            static_cast<uint32_t>(std::min<size_t>(kPageBytes, rest.size() - offset)), kPageBytes};
    return context;
}

vm::SkbContext OfflinePacket::load_socket(ByteSpan bytes) {
    vm::SkbContext context{};
    context.frame = lay_out(bytes);
    context.len = static_cast<uint32_t>(bytes.size());
    context.pkt_type = packet_type(bytes);
    context.protocol_be16 = protocol_be16(bytes);
    context.ifindex = kOfflineIfindex;
    context.network_offset = static_cast<int32_t>(std::min<size_t>(bytes.size(), kFrameBytesMin));
    return context;
}

Bytes packet_bytes_of(const vm::XdpContext& context) {
    Bytes bytes(context.data, context.data_end);
    for (uint32_t i = 0; i < context.segment_count; ++i)
        bytes.insert(bytes.end(), context.segments[i].data,
                     context.segments[i].data + context.segments[i].bytes);
    return bytes;
}

}  // namespace weir::controlplane::cli
