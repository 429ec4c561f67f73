#include "dataplane/rx_metadata.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf_dyn.h>
#include <rte_mbuf_ptype.h>

namespace weir::dataplane {
namespace {

/// enum xdp_rss_hash_type (include/net/xdp.h), as far as a packet type says it.
enum HashType : uint32_t {
    kIpv4 = 1u << 0,
    kIpv6 = 1u << 1,
    kLayer4 = 1u << 3,
    kTcp = 1u << 4,
    kUdp = 1u << 5,
    kSctp = 1u << 6,
    kIcmp = 1u << 8,
};

uint32_t hash_type_of(uint32_t packet_type) {
    uint32_t type = 0;
    if (RTE_ETH_IS_IPV4_HDR(packet_type)) type |= kIpv4;
    if (RTE_ETH_IS_IPV6_HDR(packet_type)) type |= kIpv6;
    switch (packet_type & RTE_PTYPE_L4_MASK) {
        case RTE_PTYPE_L4_TCP: return type | kLayer4 | kTcp;
        case RTE_PTYPE_L4_UDP: return type | kLayer4 | kUdp;
        case RTE_PTYPE_L4_SCTP: return type | kLayer4 | kSctp;
        case RTE_PTYPE_L4_ICMP: return type | kLayer4 | kIcmp;
        default: return type;
    }
}

}  // namespace

RxMetadata::RxMetadata() {
    const int flag = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, nullptr);
    const int offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, nullptr);
    if (flag < 0 || offset < 0) return;
    timestamp_offset_ = offset;
    timestamp_flag_ = uint64_t{1} << flag;
}

vm::PacketMetadata RxMetadata::of(const rte_mbuf& packet) const {
    vm::PacketMetadata metadata;
    if ((packet.ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0) {
        metadata.has_hash = true;
        metadata.hash = packet.hash.rss;
        metadata.hash_type = hash_type_of(packet.packet_type);
    }
    if ((packet.ol_flags & timestamp_flag_) != 0) {
        metadata.has_timestamp = true;
        metadata.timestamp_ns =
            *RTE_MBUF_DYNFIELD(&packet, timestamp_offset_, const rte_mbuf_timestamp_t*);
    }
    if ((packet.ol_flags & RTE_MBUF_F_RX_VLAN) != 0) {
        metadata.has_vlan_tag = true;
        metadata.vlan_protocol_be16 = rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN);
        metadata.vlan_tci = packet.vlan_tci;
    }
    return metadata;
}

}  // namespace weir::dataplane
