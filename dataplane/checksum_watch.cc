#include "dataplane/checksum_watch.h"

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <cstring>

namespace weir::dataplane {
namespace {

constexpr uint32_t kVlanTagsMax = 2;
constexpr size_t kTcpChecksumOffset = offsetof(rte_tcp_hdr, cksum);
constexpr size_t kUdpChecksumOffset = offsetof(rte_udp_hdr, dgram_cksum);

uint16_t be16_at(ByteSpan bytes, size_t offset) {
    return static_cast<uint16_t>(bytes[offset] << 8 | bytes[offset + 1]);
}

/// False where the protocol has no checksum that can be judged.
bool is_judged(uint8_t protocol, ByteSpan payload) {
    if (protocol == IPPROTO_TCP)
        return payload.size() >= sizeof(rte_tcp_hdr) && kTcpChecksumOffset < payload.size();
    if (protocol != IPPROTO_UDP || payload.size() < sizeof(rte_udp_hdr)) return false;
    return be16_at(payload, kUdpChecksumOffset) != 0;
}

/// RFC 1071: the ones' complement sum over pseudo header and payload, checksum included, is all
/// ones.
ChecksumState judge(uint16_t pseudo_header_sum, ByteSpan payload) {
    const uint32_t sum =
        static_cast<uint32_t>(rte_raw_cksum(payload.data(), payload.size())) + pseudo_header_sum;
    return (sum & 0xffff) + (sum >> 16) == 0xffff ? ChecksumState::Good : ChecksumState::Bad;
}

ChecksumState check_ipv4(ByteSpan packet) {
    if (packet.size() < sizeof(rte_ipv4_hdr)) return ChecksumState::Absent;
    rte_ipv4_hdr header;
    std::memcpy(&header, packet.data(), sizeof header);
    const size_t header_bytes = static_cast<size_t>(header.version_ihl & 0xf) * 4;
    const size_t total_bytes = rte_be_to_cpu_16(header.total_length);
    const uint16_t fragment = rte_be_to_cpu_16(header.fragment_offset);
    if ((header.version_ihl >> 4) != 4 || header_bytes < sizeof header ||
        total_bytes < header_bytes)
        return ChecksumState::Absent;
    if (total_bytes > packet.size() || (fragment & 0x3fff) != 0) return ChecksumState::Absent;
    const ByteSpan payload = packet.subspan(header_bytes, total_bytes - header_bytes);
    if (!is_judged(header.next_proto_id, payload)) return ChecksumState::Absent;
    return judge(rte_ipv4_phdr_cksum(&header, 0), payload);
}

ChecksumState check_ipv6(ByteSpan packet) {
    if (packet.size() < sizeof(rte_ipv6_hdr)) return ChecksumState::Absent;
    rte_ipv6_hdr header;
    std::memcpy(&header, packet.data(), sizeof header);
    const size_t payload_bytes = rte_be_to_cpu_16(header.payload_len);
    if (payload_bytes == 0 || payload_bytes > packet.size() - sizeof header)
        return ChecksumState::Absent;
    const ByteSpan payload = packet.subspan(sizeof header, payload_bytes);
    if (!is_judged(header.proto, payload)) return ChecksumState::Absent;
    return judge(rte_ipv6_phdr_cksum(&header, 0), payload);
}

}  // namespace

ChecksumState check_layer4_checksum(ByteSpan frame) {
    size_t offset = offsetof(rte_ether_hdr, ether_type);
    if (frame.size() < sizeof(rte_ether_hdr)) return ChecksumState::Absent;
    uint16_t type = be16_at(frame, offset);
    for (uint32_t tags = 0;
         tags < kVlanTagsMax && (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ);
         ++tags) {
        offset += sizeof(rte_vlan_hdr);
        if (frame.size() < offset + 2) return ChecksumState::Absent;
        type = be16_at(frame, offset);
    }
    const ByteSpan packet = frame.subspan(offset + 2);
    if (type == RTE_ETHER_TYPE_IPV4) return check_ipv4(packet);
    if (type == RTE_ETHER_TYPE_IPV6) return check_ipv6(packet);
    return ChecksumState::Absent;
}

}  // namespace weir::dataplane
