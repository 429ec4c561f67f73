#include "dataplane/packet.h"

#include <rte_ether.h>

#include <cstring>

#include "dataplane/scattered.h"

namespace weir::dataplane {
namespace {

/// Moves the first segment down where its tail is too short for the rest, then joins.
bool join_segments(rte_mbuf& packet) {
    if (packet.pkt_len > packet.buf_len) return false;
    if (rte_pktmbuf_linearize(&packet) == 0) return true;
    if (rte_mbuf_refcnt_read(&packet) != 1 ||
        (packet.ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)) != 0)
        return false;
    auto* buffer = static_cast<uint8_t*>(packet.buf_addr);
    const auto room = static_cast<uint16_t>(packet.buf_len - packet.pkt_len);
    std::memmove(buffer + room, buffer + packet.data_off, packet.data_len);
    packet.data_off = room;
    return rte_pktmbuf_linearize(&packet) == 0;
}

/// The tag goes back between the addresses and the type. Needs four bytes of headroom. By bytes: a
/// frame may begin at an odd address.
bool put_vlan_back(rte_mbuf& packet) {
    constexpr size_t kAddressesBytes = size_t{2} * RTE_ETHER_ADDR_LEN;
    if (!RTE_MBUF_DIRECT(&packet) || rte_mbuf_refcnt_read(&packet) != 1 ||
        packet.data_len < kAddressesBytes)
        return false;
    const uint16_t tag[] = {rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN),
                            rte_cpu_to_be_16(packet.vlan_tci)};
    char* const frame = rte_pktmbuf_prepend(&packet, sizeof tag);
    if (frame == nullptr) return false;
    std::memmove(frame, frame + sizeof tag, kAddressesBytes);
    std::memcpy(frame + kAddressesBytes, tag, sizeof tag);
    packet.ol_flags &= ~RTE_MBUF_F_RX_VLAN_STRIPPED;  // _RX_VLAN stays: the tag is known
    return true;
}

}  // namespace

bool make_usual(rte_mbuf& packet, bool takes_segments, DropReason& reason) {
    if (packet.pkt_len < kFrameBytesMin) {
        reason = DropReason::runt;
        return false;
    }
    const bool stays_scattered = takes_segments && can_show_scattered(packet);
    if (packet.nb_segs != 1 && !stays_scattered && !join_segments(packet)) {
        reason = DropReason::too_long;
        return false;
    }
    if ((packet.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 && !put_vlan_back(packet)) {
        reason = DropReason::too_long;
        return false;
    }
    return true;
}

Closed close_any_packet(rte_mbuf& packet, const vm::XdpContext& context) {
    Closed result = Closed::InPlace;
    if (context.data < static_cast<uint8_t*>(packet.buf_addr)) {
        const auto length = static_cast<size_t>(context.data_end - context.data);
        if (length > packet.buf_len) return Closed::TooLong;
        std::memmove(packet.buf_addr, context.data, length);
        packet.data_off = 0;
        packet.data_len = static_cast<uint16_t>(length);
        packet.pkt_len = packet.data_len;
        result = Closed::Moved;
    } else {
        close_packet(packet, context);
    }
    if (context.segments == nullptr) return result;
    // Not every driver sends several buffers, and those that do get slower for all: one buffer, in
    // which by the pool's making the longest frame of any port fits.
    close_scattered(packet, context);
    return packet.nb_segs == 1 || join_segments(packet) ? result : Closed::TooLong;
}

}  // namespace weir::dataplane
