// Packets that lie or end too early.
#include <fmt/format.h>

#include <algorithm>

#include "tests/support/packet_builder.h"

namespace weir::tests {

namespace {

Bytes cut(const Bytes& packet, size_t length) {
    return {packet.begin(), packet.begin() + static_cast<ptrdiff_t>(length)};
}

void add_cut(Packets& packets) {
    const Bytes v4 = PacketBuilder().eth(kEtherIpv4).ipv4(kTcp).tcp(1, 443).build();
    for (const size_t length : {15u, 20u, 33u, 34u, 35u, 37u, 38u, 41u, 42u, 47u, 53u})
        packets.push_back({fmt::format("tcp_cut_{}", length),
                           Bytes(v4.begin(), v4.begin() + static_cast<ptrdiff_t>(length))});
    const Bytes v6 = PacketBuilder().eth(kEtherIpv6).ipv6(kUdp).udp(1, 53, 4).build();
    for (const size_t length : {15u, 30u, 53u, 54u, 57u, 61u})
        packets.push_back({fmt::format("udp6_cut_{}", length),
                           Bytes(v6.begin(), v6.begin() + static_cast<ptrdiff_t>(length))});
}

/// Ends inside the second header of packets in packets, and of options.
void add_cut_tunnels(Packets& packets) {
    const Bytes ipip =
        PacketBuilder().eth(kEtherIpv4).ipv4(kIpip).ipv4(kUdp, 1, 2).udp(3, 4, 8).build();
    for (const size_t length : {36u, 50u, 55u, 60u})
        packets.push_back({fmt::format("ipip_cut_{}", length), cut(ipip, length)});
    const Bytes options = PacketBuilder().eth(kEtherIpv4).ipv4(kTcp, 1, 2, 24).tcp(3, 4).build();
    for (const size_t length : {40u, 57u, 60u, 77u})
        packets.push_back({fmt::format("options_cut_{}", length), cut(options, length)});
    const Bytes gre = PacketBuilder().eth(kEtherIpv4).ipv4(kGre).be16(0x2000).be16(0x800).build();
    packets.push_back({"gre_cut", cut(gre, 36)});
    packets.push_back({"gre_key_cut", gre});
}

void add_lies(Packets& packets) {
    const Bytes udp = PacketBuilder().eth(kEtherIpv4).ipv4(kUdp).udp(1, 53, 30).build();
    const auto with = [&](const char* name, size_t at, std::initializer_list<uint8_t> bytes) {
        Bytes packet = udp;
        std::ranges::copy(bytes, packet.begin() + static_cast<ptrdiff_t>(at));
        packets.push_back({name, std::move(packet)});
    };
    with("ipv4_total_too_long", 16, {0xff, 0xff});
    with("ipv4_total_too_short", 16, {0, 21});
    with("ipv4_total_zero", 16, {0, 0});
    with("ipv4_header_of_zero", 14, {0x40});
    with("ipv4_header_of_sixteen", 14, {0x44});
    with("ipv4_header_beyond", 14, {0x4f});
    with("ipv4_version_six", 14, {0x65});
    with("ipv4_checksum_wrong", 24, {0xde, 0xad});
    with("ipv4_ttl_zero", 22, {0});
    with("ipv4_protocol_255", 23, {255});
    with("udp_length_too_long", 38, {0xff, 0xf0});
    with("udp_length_zero", 38, {0, 0});
    with("ethertype_length", 12, {0, 46});
    Bytes tcp = PacketBuilder().eth(kEtherIpv4).ipv4(kTcp).tcp(1, 80).build();
    for (const int offset : {0x00, 0x40, 0xf0}) {
        tcp[46] = static_cast<uint8_t>(offset);
        packets.push_back({fmt::format("tcp_offset_{:#x}", offset), tcp});
    }
    Bytes six = PacketBuilder().eth(kEtherIpv6).ipv6(kUdp).udp(1, 53, 30).build();
    six[18] = 0xff;
    packets.push_back({"ipv6_payload_too_long", six});
    six[18] = six[19] = 0;
    packets.push_back({"ipv6_payload_zero", six});
    six[14] = 0x40;
    packets.push_back({"ipv6_version_four", six});
}

}  // namespace

void add_malformed(Packets& packets) {
    add_cut(packets);
    add_cut_tunnels(packets);
    add_lies(packets);
}

}  // namespace weir::tests
