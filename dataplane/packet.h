#pragma once
// Between DPDK's mbuf and the context that a program sees. The fast way is here, for inlining; the
// rare cases are in packet.cc.

#include <rte_mbuf.h>

#include <cstdint>

#include "dataplane/pool.h"
#include "dataplane/verdict.h"
#include "vm/program/context.h"

namespace weir::dataplane {

/// What the fast way cannot deal with: tags that the device took out, buffers that lie elsewhere.
constexpr uint64_t kUnusualFlags =
    RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;

constexpr bool is_unusual(const rte_mbuf& packet) {
    return packet.nb_segs != 1 || (packet.ol_flags & kUnusualFlags) != 0 ||
           packet.data_len < kFrameBytesMin;
}

/// Puts the VLAN tag into the packet's bytes, and makes one contiguous frame of a packet in several
/// buffers, unless it can stay so for a chain that takes segments. False: it must be dropped for
/// `reason`.
bool make_usual(rte_mbuf& packet, bool takes_segments, DropReason& reason);

/// Fills in what the packet says of its first buffer, which holds at least kFrameBytesMin; ifindex
/// and queue are the caller's.
inline void open_packet(const rte_mbuf& packet, vm::XdpContext& context) {
    auto* buffer = static_cast<uint8_t*>(packet.buf_addr);
    context.data = buffer + packet.data_off;
    context.data_end = context.data + packet.data_len;
    context.data_meta = context.data;
    // A buffer of our pool goes on below its start, in the packet's private area.
    const bool own = (packet.ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)) == 0;
    context.frame_start = own ? buffer - kPrivateBytes : buffer;
    context.frame_limit = buffer + packet.buf_len;
}

/// True where close_packet does: the frame begins in the buffer and is all in it.
inline bool lies_as_received(const rte_mbuf& packet, const vm::XdpContext& context) {
    return context.data >= static_cast<uint8_t*>(packet.buf_addr) && context.segments == nullptr;
}

/// Writes back where the frame begins and ends now.
inline void close_packet(rte_mbuf& packet, const vm::XdpContext& context) {
    packet.data_off = static_cast<uint16_t>(context.data - static_cast<uint8_t*>(packet.buf_addr));
    packet.data_len = static_cast<uint16_t>(context.data_end - context.data);
    packet.pkt_len = packet.data_len;
}

/// What became of a packet that does not lie as received.
enum class Closed : uint8_t {
    InPlace,
    Moved,  ///< its head had grown into the private area: moved right, into the buffer
    TooLong
};

/// As close_packet, for every packet.
Closed close_any_packet(rte_mbuf& packet, const vm::XdpContext& context);

/// Gives packets back to their pool. All at once where they are what receivers mostly give: one
/// buffer, one owner, one pool.
inline void free_packets(rte_mbuf** packets, uint32_t count) {
    rte_mempool* pool = packets[0]->pool;
    bool simple = true;
    for (uint32_t i = 0; i < count; ++i) {
        const rte_mbuf& packet = *packets[i];
        simple &= packet.pool == pool && packet.nb_segs == 1 &&
                  rte_mbuf_refcnt_read(&packet) == 1 &&
                  (packet.ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)) == 0;
    }
    if (__builtin_expect(simple, 1)) {
        rte_mempool_put_bulk(pool, reinterpret_cast<void**>(packets), count);
    } else {
        rte_pktmbuf_free_bulk(packets, count);
    }
}

}  // namespace weir::dataplane
