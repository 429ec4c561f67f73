#pragma once
// Frames from what is to stand in them.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "vm/base/bytes.h"

namespace weir::controlplane::cli {

constexpr uint8_t kProtocolIcmp = 1, kProtocolTcp = 6, kProtocolUdp = 17, kProtocolFragment = 44,
                  kProtocolIcmpv6 = 58;
constexpr uint16_t kEtherIpv4 = 0x0800, kEtherArp = 0x0806, kEtherVlan = 0x8100,
                   kEtherVlanOuter = 0x88a8, kEtherIpv6 = 0x86dd;

struct PacketPlan {
    enum class Kind : uint8_t { Ip, Arp } kind = Kind::Ip;
    bool is_v6 = false;
    uint8_t protocol = 0;
    std::array<uint8_t, 16> source{}, destination{};  ///< IPv4 in the first four
    std::optional<uint16_t> source_port, destination_port;
    std::array<uint8_t, 6> from = {0x02, 0, 0, 0, 0, 0x01}, to = {0x02, 0, 0, 0, 0, 0x02};
    std::vector<uint16_t> vlans;  ///< the outer one first
    uint8_t tcp_flags = 0x02;
    std::optional<uint8_t> icmp_type;
    uint8_t icmp_code = 0, ttl = 64, tos = 0;
    uint32_t id = 1;
    bool dont_fragment = false, more_fragments = false;
    uint32_t fragment_offset = 0;  ///< bytes, a multiple of 8
    std::optional<uint32_t> frame_bytes;
    Bytes payload;

    bool is_fragment() const { return more_fragments || fragment_offset != 0; }
};

Bytes build_packet(const PacketPlan& plan);

}  // namespace weir::controlplane::cli
