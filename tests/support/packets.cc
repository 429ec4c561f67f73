// A builder writes headers front to back and mends lengths and checksums at the end.
#include "tests/support/packets.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <random>

namespace weir::tests {

namespace {

constexpr uint8_t kIcmp = 1, kIpip = 4, kTcp = 6, kUdp = 17, kGre = 47, kIcmp6 = 58;
constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kTargetOptions = 60;
constexpr uint16_t kEtherIpv4 = 0x0800, kEtherIpv6 = 0x86dd, kEtherArp = 0x0806,
                   kEtherVlan = 0x8100, kEtherQinq = 0x88a8;

class PacketBuilder {
public:
    PacketBuilder& raw(std::initializer_list<int> bytes) {
        for (const int byte : bytes) bytes_.push_back(static_cast<uint8_t>(byte));
        return *this;
    }
    PacketBuilder& be16(uint16_t value) { return raw({value >> 8, value & 0xff}); }
    PacketBuilder& be32(uint32_t value) {
        return be16(static_cast<uint16_t>(value >> 16)).be16(static_cast<uint16_t>(value));
    }
    PacketBuilder& fill(size_t count, uint8_t first = 0) {
        for (size_t i = 0; i < count; ++i) bytes_.push_back(static_cast<uint8_t>(first + i));
        return *this;
    }
    PacketBuilder& eth(uint16_t type, bool multicast = false) {
        return raw({multicast ? 0x01 : 0x02, 0, 0x5e, 0, 0, 1, 0x02, 0, 0, 0, 0, 2}).be16(type);
    }
    PacketBuilder& vlan(uint16_t id, uint16_t type) { return be16(id).be16(type); }
    PacketBuilder& ipv4(uint8_t protocol, uint32_t source = 0x0a000001,
                        uint32_t target = 0xc0a80001, size_t option_bytes = 0,
                        uint16_t fragment = 0x4000) {
        ipv4_at_ = bytes_.size();
        raw({0x45 + static_cast<int>(option_bytes / 4), 0})
            .be16(0)
            .be16(0x1234)
            .be16(fragment)
            .raw({64, protocol})
            .be16(0);
        be32(source).be32(target);
        for (size_t i = 0; i < option_bytes; ++i) bytes_.push_back(1);
        mends_.push_back({ipv4_at_, 20 + option_bytes});
        return *this;
    }
    PacketBuilder& ipv6(uint8_t next, uint32_t net = 0x20010db8) {
        ipv6_at_.push_back(bytes_.size());
        be32(0x60000000).be16(0).raw({next, 64});
        return be32(net).fill(12, 1).be32(net).fill(12, 0x21);
    }
    PacketBuilder& extension(uint8_t next, uint8_t units) {
        return raw({next, units}).fill(6 + size_t{units} * 8);
    }
    PacketBuilder& tcp(uint16_t source, uint16_t target, uint8_t flags = 0x10) {
        return be16(source)
            .be16(target)
            .be32(1000)
            .be32(2000)
            .raw({0x50, flags})
            .be16(8192)
            .be16(0)
            .be16(0);
    }
    PacketBuilder& udp(uint16_t source, uint16_t target, uint16_t payload) {
        return be16(source)
            .be16(target)
            .be16(static_cast<uint16_t>(8 + payload))
            .be16(0)
            .fill(payload, 0x30);
    }
    Bytes build() {
        for (const size_t at : ipv6_at_) put16(at + 4, bytes_.size() - at - 40);
        for (const auto& [at, header] : mends_) {
            put16(at + 2, bytes_.size() - at);
            put16(at + 10, checksum(at, header));
        }
        return bytes_;
    }

private:
    void put16(size_t at, size_t value) {
        bytes_[at] = static_cast<uint8_t>(value >> 8);
        bytes_[at + 1] = static_cast<uint8_t>(value);
    }
    uint16_t checksum(size_t at, size_t length) const {
        uint32_t sum = 0;
        for (size_t i = 0; i < length; i += 2)
            sum += static_cast<uint32_t>(bytes_[at + i] << 8 | bytes_[at + i + 1]);
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        return static_cast<uint16_t>(~sum);
    }

    struct Mend {
        size_t at, header_bytes;
    };
    Bytes bytes_;
    size_t ipv4_at_ = 0;
    std::vector<Mend> mends_;
    std::vector<size_t> ipv6_at_;
};

using Packets = std::vector<TestPacket>;

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

void add_tunnels(Packets& packets) {
    packets.push_back(
        {"ipip", PacketBuilder().eth(kEtherIpv4).ipv4(kIpip).ipv4(kTcp, 1, 2).tcp(3, 4).build()});
    packets.push_back({"ipip_options", PacketBuilder()
                                           .eth(kEtherIpv4)
                                           .ipv4(kIpip, 9, 8, 8)
                                           .ipv4(kUdp, 1, 2)
                                           .udp(3, 4, 50)
                                           .build()});
    packets.push_back({"gre", PacketBuilder()
                                  .eth(kEtherIpv4)
                                  .ipv4(kGre)
                                  .be16(0)
                                  .be16(kEtherIpv4)
                                  .ipv4(kUdp, 3, 4)
                                  .udp(5, 6, 9)
                                  .build()});
    packets.push_back({"gre_key", PacketBuilder()
                                      .eth(kEtherIpv4)
                                      .ipv4(kGre)
                                      .be16(0x2000)
                                      .be16(kEtherIpv6)
                                      .be32(77)
                                      .ipv6(kUdp)
                                      .udp(5, 6, 9)
                                      .build()});
    packets.push_back({"vxlan", PacketBuilder()
                                    .eth(kEtherIpv4)
                                    .ipv4(kUdp)
                                    .be16(3333)
                                    .be16(4789)
                                    .be16(80)
                                    .be16(0)
                                    .be32(0x08000000)
                                    .be32(42 << 8)
                                    .eth(kEtherIpv4)
                                    .ipv4(kTcp, 7, 8)
                                    .tcp(9, 443)
                                    .build()});
    packets.push_back(
        {"sixin4", PacketBuilder().eth(kEtherIpv4).ipv4(41).ipv6(kTcp).tcp(9, 443).build()});
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
    packets.push_back({"ipv6_neighbour", PacketBuilder()
                                             .eth(kEtherIpv6, true)
                                             .ipv6(kIcmp6, 0xfe800000)
                                             .raw({135, 0})
                                             .fill(30)
                                             .build()});
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
    add_link_layer(packets);
    add_cut(packets);
    add_sizes(packets);
    add_random(packets);
    return packets;
}

std::vector<Bytes> test_packet_bytes() {
    std::vector<Bytes> bytes;
    for (TestPacket& packet : test_packets()) bytes.push_back(std::move(packet.bytes));
    return bytes;
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
