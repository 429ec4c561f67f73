#include "dataplane/checksum_watch.h"

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <cstring>
#include <optional>

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

/// TCP or UDP, whole in one frame.
struct Layer4 {
    ByteSpan bytes;  ///< header and data
    size_t checksum_offset = 0;
    uint16_t pseudo_header_sum = 0;  ///< as rte_raw_cksum has sums: in the bytes' order
};

/// RFC 1071: the ones' complement sum over pseudo header and payload, checksum included, is all
/// ones.
bool is_right(const Layer4& layer4) {
    const uint32_t sum =
        static_cast<uint32_t>(rte_raw_cksum(layer4.bytes.data(), layer4.bytes.size())) +
        layer4.pseudo_header_sum;
    return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

std::optional<Layer4> layer4_of(uint8_t protocol, ByteSpan bytes, uint16_t pseudo_header_sum) {
    if (!is_judged(protocol, bytes)) return std::nullopt;
    return Layer4{bytes, protocol == IPPROTO_TCP ? kTcpChecksumOffset : kUdpChecksumOffset,
                  pseudo_header_sum};
}

std::optional<Layer4> find_in_ipv4(ByteSpan packet) {
    if (packet.size() < sizeof(rte_ipv4_hdr)) return std::nullopt;
    rte_ipv4_hdr header;
    std::memcpy(&header, packet.data(), sizeof header);
    const size_t header_bytes = static_cast<size_t>(header.version_ihl & 0xf) * 4;
    const size_t total_bytes = rte_be_to_cpu_16(header.total_length);
    const uint16_t fragment = rte_be_to_cpu_16(header.fragment_offset);
    if ((header.version_ihl >> 4) != 4 || header_bytes < sizeof header ||
        total_bytes < header_bytes)
        return std::nullopt;
    if (total_bytes > packet.size() || (fragment & 0x3fff) != 0) return std::nullopt;
    return layer4_of(header.next_proto_id, packet.subspan(header_bytes, total_bytes - header_bytes),
                     rte_ipv4_phdr_cksum(&header, 0));
}

std::optional<Layer4> find_in_ipv6(ByteSpan packet) {
    if (packet.size() < sizeof(rte_ipv6_hdr)) return std::nullopt;
    rte_ipv6_hdr header;
    std::memcpy(&header, packet.data(), sizeof header);
    const size_t payload_bytes = rte_be_to_cpu_16(header.payload_len);
    if (payload_bytes == 0 || payload_bytes > packet.size() - sizeof header) return std::nullopt;
    return layer4_of(header.proto, packet.subspan(sizeof header, payload_bytes),
                     rte_ipv6_phdr_cksum(&header, 0));
}

std::optional<Layer4> find_layer4(ByteSpan frame) {
    size_t offset = offsetof(rte_ether_hdr, ether_type);
    if (frame.size() < sizeof(rte_ether_hdr)) return std::nullopt;
    uint16_t type = be16_at(frame, offset);
    for (uint32_t tags = 0;
         tags < kVlanTagsMax && (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ);
         ++tags) {
        offset += sizeof(rte_vlan_hdr);
        if (frame.size() < offset + 2) return std::nullopt;
        type = be16_at(frame, offset);
    }
    const ByteSpan packet = frame.subspan(offset + 2);
    if (type == RTE_ETHER_TYPE_IPV4) return find_in_ipv4(packet);
    if (type == RTE_ETHER_TYPE_IPV6) return find_in_ipv6(packet);
    return std::nullopt;
}

}  // namespace

ChecksumState check_layer4_checksum(ByteSpan frame) {
    const std::optional<Layer4> layer4 = find_layer4(frame);
    if (!layer4) return ChecksumState::Absent;
    return is_right(*layer4) ? ChecksumState::Good : ChecksumState::Bad;
}

/// What stands in the field of such a frame is the sum over the pseudo header, not complemented
/// (Linux, net/ipv4/tcp_ipv4.c, __tcp_v4_send_check), so that the sum over header and data with it
/// is the checksum's complement. One of 65,536 good frames looks the same: its sum decides.
bool complete_layer4_checksum(std::span<uint8_t> frame) {
    const std::optional<Layer4> layer4 = find_layer4(frame);
    if (!layer4) return false;
    uint16_t field = 0;
    std::memcpy(&field, layer4->bytes.data() + layer4->checksum_offset, sizeof field);
    if (field != layer4->pseudo_header_sum || is_right(*layer4)) return false;
    uint16_t checksum =
        static_cast<uint16_t>(~rte_raw_cksum(layer4->bytes.data(), layer4->bytes.size()));
    if (checksum == 0) checksum = 0xffff;  // RFC 768: 0 says that there is none
    const size_t offset =
        static_cast<size_t>(layer4->bytes.data() - frame.data()) + layer4->checksum_offset;
    std::memcpy(frame.data() + offset, &checksum, sizeof checksum);
    return true;
}

}  // namespace weir::dataplane
