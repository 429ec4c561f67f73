#include "tests/support/packets.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <random>

#include "tests/support/packet_builder.h"

namespace weir::tests {

namespace {

void add_ports(Packets& packets) {
    for (const uint16_t port : std::initializer_list<uint16_t>{22, 25, 53, 80, 123, 443, 1500, 5353,
                                                               8080, 65535, 1, 40000}) {
        packets.push_back({fmt::format("tcp_{}", port),
                           PacketBuilder().eth(kEtherIpv4).ipv4(kTcp).tcp(40001, port).build()});
        packets.push_back(
            {fmt::format("udp_{}", port),
             PacketBuilder().eth(kEtherIpv4).ipv4(kUdp).udp(40001, port, 18).build()});
    }
    for (const uint8_t flags : std::initializer_list<uint8_t>{0x02, 0x12, 0x10, 0x10, 0x18, 0x11,
                                                              0x11, 0x04, 0x00, 0xff}) {
        packets.push_back(
            {fmt::format("tcp_flow_{}_{:#x}", packets.size(), flags), PacketBuilder()
                                                                          .eth(kEtherIpv4)
                                                                          .ipv4(kTcp, 0x0a000102)
                                                                          .tcp(5555, 80, flags)
                                                                          .fill(20)
                                                                          .build()});
    }
}

void add_ipv4(Packets& packets) {
    for (const size_t options : {4u, 12u, 40u})
        packets.push_back({fmt::format("ipv4_options_{}", options),
                           PacketBuilder()
                               .eth(kEtherIpv4)
                               .ipv4(kUdp, 0x0a010203, 0x08080808, options)
                               .udp(1, 53, 30)
                               .build()});
    for (const uint16_t fragment :
         std::initializer_list<uint16_t>{0x2000, 0x2001, 0x0001, 0x1fff, 0x8000})
        packets.push_back({fmt::format("ipv4_fragment_{:#x}", fragment),
                           PacketBuilder()
                               .eth(kEtherIpv4)
                               .ipv4(kUdp, 0xac100001, 0x0a000001, 0, fragment)
                               .udp(7, 443, 24)
                               .build()});
    for (const uint32_t source :
         {0x0a000101u, 0x0b000001u, 0x7f000001u, 0xe0000001u, 0xffffffffu, 0u})
        packets.push_back(
            {fmt::format("ipv4_source_{:#x}", source),
             PacketBuilder().eth(kEtherIpv4).ipv4(kIcmp, source).raw({8, 0}).fill(38).build()});
    packets.push_back({"ipv4_multicast", PacketBuilder()
                                             .eth(kEtherIpv4, true)
                                             .ipv4(kUdp, 0x0a000001, 0xe00000fb)
                                             .udp(5353, 5353, 40)
                                             .build()});
    packets.push_back(
        {"ipv4_short_header", PacketBuilder().eth(kEtherIpv4).raw({0x41, 0}).fill(40).build()});
    packets.push_back(
        {"ipv4_long_header", PacketBuilder().eth(kEtherIpv4).raw({0x4f, 0}).fill(18).build()});
    packets.push_back({"ipv4_all_ones", PacketBuilder()
                                            .eth(kEtherIpv4)
                                            .raw({0x45})
                                            .be32(0xffffffff)
                                            .be32(0xffffffff)
                                            .be32(0xffffffff)
                                            .be32(0xffffffff)
                                            .be32(0xffffffff)
                                            .fill(20)
                                            .build()});
}

void add_ipv6(Packets& packets) {
    for (const uint32_t net : {0x20010db8u, 0xfe800000u, 0xfd000000u}) {
        packets.push_back({fmt::format("ipv6_tcp_{:#x}", net),
                           PacketBuilder().eth(kEtherIpv6).ipv6(kTcp, net).tcp(1, 443).build()});
        packets.push_back({fmt::format("ipv6_udp_{:#x}", net),
                           PacketBuilder().eth(kEtherIpv6).ipv6(kUdp, net).udp(1, 53, 12).build()});
    }
    packets.push_back({"ipv6_hop_by_hop", PacketBuilder()
                                              .eth(kEtherIpv6)
                                              .ipv6(kHopByHop)
                                              .extension(kUdp, 0)
                                              .udp(1, 53, 12)
                                              .build()});
    packets.push_back(
        {"ipv6_routing",
         PacketBuilder().eth(kEtherIpv6).ipv6(kRouting).extension(kTcp, 2).tcp(1, 80).build()});
    packets.push_back({"ipv6_chain", PacketBuilder()
                                         .eth(kEtherIpv6)
                                         .ipv6(kHopByHop)
                                         .extension(kTargetOptions, 1)
                                         .extension(kRouting, 0)
                                         .extension(kTargetOptions, 0)
                                         .extension(kUdp, 0)
                                         .udp(1, 2, 3)
                                         .build()});
    packets.push_back({"ipv6_chain_too_long", PacketBuilder()
                                                  .eth(kEtherIpv6)
                                                  .ipv6(kHopByHop)
                                                  .extension(0, 0)
                                                  .extension(0, 0)
                                                  .extension(0, 0)
                                                  .extension(0, 0)
                                                  .extension(kUdp, 0)
                                                  .udp(1, 2, 3)
                                                  .build()});
    packets.push_back({"ipv6_extension_cut",
                       PacketBuilder().eth(kEtherIpv6).ipv6(kHopByHop).raw({kUdp, 255}).build()});
    packets.push_back(
        {"ipv6_fragment",
         PacketBuilder().eth(kEtherIpv6).ipv6(kFragment).extension(kUdp, 0).udp(1, 2, 3).build()});
}

void add_ipv6_icmp(Packets& packets) {
    packets.push_back({"ipv6_neighbour", PacketBuilder()
                                             .eth(kEtherIpv6, true)
                                             .ipv6(kIcmp6, 0xfe800000)
                                             .raw({135, 0})
                                             .fill(30)
                                             .build()});
    packets.push_back({"ipv6_neighbour_advertisement", PacketBuilder()
                                                           .eth(kEtherIpv6)
                                                           .ipv6(kIcmp6, 0xfe800000)
                                                           .raw({136, 0, 0, 0, 0x60, 0, 0, 0})
                                                           .fill(16)
                                                           .raw({2, 1})
                                                           .fill(6)
                                                           .build()});
    packets.push_back({"ipv6_router_advertisement", PacketBuilder()
                                                        .eth(kEtherIpv6, true)
                                                        .ipv6(kIcmp6, 0xfe800000)
                                                        .raw({134, 0, 0, 0, 64, 0, 7, 8})
                                                        .fill(8)
                                                        .raw({1, 1})
                                                        .fill(6)
                                                        .build()});
    packets.push_back(
        {"ipv6_echo", PacketBuilder().eth(kEtherIpv6).ipv6(kIcmp6).raw({128, 0}).fill(30).build()});
}

void add_ipv6_fragments(Packets& packets) {
    for (const uint16_t fragment : std::initializer_list<uint16_t>{0x0001, 0x0189, 0x0188})
        packets.push_back({fmt::format("ipv6_fragment_{:#x}", fragment), PacketBuilder()
                                                                             .eth(kEtherIpv6)
                                                                             .ipv6(kFragment)
                                                                             .raw({kUdp, 0})
                                                                             .be16(fragment)
                                                                             .be32(0x12345678)
                                                                             .udp(1, 53, 40)
                                                                             .build()});
}

void add_transport(Packets& packets) {
    packets.push_back({"tcp_syn_options", PacketBuilder()
                                              .eth(kEtherIpv4)
                                              .ipv4(kTcp)
                                              .be16(40001)
                                              .be16(443)
                                              .be32(1)
                                              .be32(0)
                                              .raw({0xa0, 0x02})
                                              .be16(64240)
                                              .be32(0)
                                              .raw({2, 4, 5, 0xb4, 4, 2, 8, 10})
                                              .be32(1234)
                                              .be32(0)
                                              .raw({1, 3, 3, 7})
                                              .build()});
    packets.push_back({"icmp_unreachable", PacketBuilder()
                                               .eth(kEtherIpv4)
                                               .ipv4(kIcmp)
                                               .raw({3, 4, 0, 0})
                                               .be32(1400)
                                               .fill(28)
                                               .build()});
    packets.push_back({"icmp_redirect",
                       PacketBuilder().eth(kEtherIpv4).ipv4(kIcmp).raw({5, 1}).fill(34).build()});
    packets.push_back(
        {"sctp", PacketBuilder().eth(kEtherIpv4).ipv4(kSctp).be16(1).be16(3868).fill(20).build()});
    packets.push_back(
        {"esp", PacketBuilder().eth(kEtherIpv4).ipv4(50).be32(0x1001).be32(1).fill(40).build()});
    packets.push_back({"qinq_ipv6", PacketBuilder()
                                        .eth(kEtherQinq)
                                        .vlan(100, kEtherVlan)
                                        .vlan(0xe005, kEtherIpv6)
                                        .ipv6(kTcp)
                                        .tcp(1, 443, 0x02)
                                        .build()});
    packets.push_back(
        {"mpls", PacketBuilder().eth(0x8847).be32(0x00010140).ipv4(kUdp).udp(1, 53, 8).build()});
    packets.push_back(
        {"pppoe", PacketBuilder().eth(0x8864).be32(0x11000001).be32(0x00160021).fill(20).build()});
}

void add_link_layer(Packets& packets) {
    const auto arp = [](uint16_t operation, bool broadcast) {
        return PacketBuilder()
            .eth(kEtherArp, broadcast)
            .be16(1)
            .be16(kEtherIpv4)
            .raw({6, 4})
            .be16(operation)
            .fill(20, 3)
            .build();
    };
    packets.push_back({"arp_request", arp(1, true)});
    packets.push_back({"arp_reply", arp(2, false)});
    packets.push_back(
        {"vlan_udp",
         PacketBuilder().eth(kEtherVlan).vlan(5, kEtherIpv4).ipv4(kUdp).udp(1, 53, 6).build()});
    packets.push_back(
        {"vlan_arp", PacketBuilder().eth(kEtherVlan).vlan(4095, kEtherArp).fill(28).build()});
    packets.push_back({"qinq", PacketBuilder()
                                   .eth(kEtherQinq)
                                   .vlan(5, kEtherVlan)
                                   .vlan(6, kEtherIpv4)
                                   .ipv4(kTcp)
                                   .tcp(1, 80)
                                   .build()});
    packets.push_back({"five_tags", PacketBuilder()
                                        .eth(kEtherQinq)
                                        .vlan(1, kEtherVlan)
                                        .vlan(2, kEtherVlan)
                                        .vlan(3, kEtherVlan)
                                        .vlan(4, kEtherVlan)
                                        .vlan(5, kEtherIpv6)
                                        .ipv6(kUdp)
                                        .udp(1, 2, 3)
                                        .build()});
    packets.push_back({"vlan_cut", PacketBuilder().eth(kEtherVlan).raw({0, 5}).build()});
    packets.push_back({"llc", PacketBuilder().eth(38).raw({0x42, 0x42, 3}).fill(35).build()});
    packets.push_back({"unknown_type", PacketBuilder().eth(0x88cc).fill(60).build()});
    packets.push_back({"header_only", PacketBuilder().eth(kEtherIpv4).build()});
}

void add_sizes(Packets& packets) {
    for (const uint16_t payload :
         std::initializer_list<uint16_t>{58, 59, 100, 214, 470, 982, 1472, 1473, 2000, 3400})
        packets.push_back(
            {fmt::format("udp_payload_{}", payload),
             PacketBuilder().eth(kEtherIpv4).ipv4(kUdp, 0x0a0001fe).udp(9, 1234, payload).build()});
}

void add_random(Packets& packets) {
    std::mt19937 random(20'240'229);
    for (int i = 0; i < 24; ++i) {
        Bytes bytes(14 + random() % 200);
        std::ranges::generate(bytes, [&] { return static_cast<uint8_t>(random()); });
        if (i % 3 != 0) bytes[12] = 0x08, bytes[13] = 0x00;
        packets.push_back({fmt::format("random_{}", i), std::move(bytes)});
    }
}

}  // namespace

std::vector<TestPacket> test_packets() {
    Packets packets;
    add_ports(packets);
    add_ipv4(packets);
    add_tunnels(packets);
    add_ipv6(packets);
    add_ipv6_icmp(packets);
    add_ipv6_fragments(packets);
    add_transport(packets);
    add_link_layer(packets);
    add_malformed(packets);
    add_sizes(packets);
    add_random(packets);
    return packets;
}

std::vector<Bytes> bytes_of(const std::vector<TestPacket>& packets) {
    std::vector<Bytes> bytes;
    for (const TestPacket& packet : packets) bytes.push_back(packet.bytes);
    return bytes;
}

std::vector<TestPacket> jumbo_packets() {
    // 3,520 bytes fit into the kernel's first piece, 4,096 into each further one.
    Packets packets;
    for (const uint16_t length :
         std::initializer_list<uint16_t>{14, 60, 1514, 3519, 3520, 3521, 3536, 4000, 5000, 7615,
                                         7616, 7617, 7700, 9000, 9018, 9600}) {
        PacketBuilder builder;
        builder.eth(kEtherIpv4);
        if (length >= 42) builder.ipv4(kUdp).udp(7, 1234, static_cast<uint16_t>(length - 42));
        packets.push_back({fmt::format("jumbo_{}", length), builder.build()});
    }
    return packets;
}

std::vector<TestPacket> runt_packets() {
    Packets packets;
    for (size_t length = 1; length < 14; ++length)
        packets.push_back({fmt::format("runt_{}", length), Bytes(length, 0x55)});
    return packets;
}

Result<void> write_pcap(const std::string& path, std::span<const TestPacket> packets) {
    const std::unique_ptr<pcap_t, void (*)(pcap_t*)> capture(pcap_open_dead(DLT_EN10MB, 65'535),
                                                             pcap_close);
    const std::unique_ptr<pcap_dumper_t, void (*)(pcap_dumper_t*)> file(
        pcap_dump_open(capture.get(), path.c_str()), pcap_dump_close);
    if (!file)
        return fail(ErrorKind::kResource, fmt::format("{}: {}", path, pcap_geterr(capture.get())));
    pcap_pkthdr header{};
    for (const TestPacket& packet : packets) {
        header.ts.tv_sec += 1;
        header.caplen = header.len = static_cast<uint32_t>(packet.bytes.size());
        pcap_dump(reinterpret_cast<u_char*>(file.get()), &header, packet.bytes.data());
    }
    if (pcap_dump_flush(file.get()) != 0)
        return fail(ErrorKind::kResource, fmt::format("{}: cannot write", path));
    return {};
}

}  // namespace weir::tests
