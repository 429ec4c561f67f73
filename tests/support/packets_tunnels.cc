// Packets in packets.
#include "tests/support/packet_builder.h"

namespace weir::tests {

namespace {

PacketBuilder over_udp(uint16_t port) {
    // The length of UDP is left at 0: whoever parses tunnels does not trust it.
    PacketBuilder outer;
    outer.eth(kEtherIpv4).ipv4(kUdp).be16(3333).be16(port).be16(0).be16(0);
    return outer;
}

void add_ip_in_ip(Packets& packets) {
    packets.push_back(
        {"ipip", PacketBuilder().eth(kEtherIpv4).ipv4(kIpip).ipv4(kTcp, 1, 2).tcp(3, 4).build()});
    packets.push_back({"ipip_options", PacketBuilder()
                                           .eth(kEtherIpv4)
                                           .ipv4(kIpip, 9, 8, 8)
                                           .ipv4(kUdp, 1, 2)
                                           .udp(3, 4, 50)
                                           .build()});
    packets.push_back(
        {"sixin4", PacketBuilder().eth(kEtherIpv4).ipv4(kSixIn4).ipv6(kTcp).tcp(9, 443).build()});
    packets.push_back({"ip6ip6", PacketBuilder()
                                     .eth(kEtherIpv6)
                                     .ipv6(kSixIn4)
                                     .ipv6(kUdp, 0xfd000000)
                                     .udp(1, 53, 20)
                                     .build()});
    packets.push_back(
        {"ip4ip6",
         PacketBuilder().eth(kEtherIpv6).ipv6(kIpip).ipv4(kTcp, 0x0a000009).tcp(1, 443).build()});
    packets.push_back({"ipip_thrice", PacketBuilder()
                                          .eth(kEtherIpv4)
                                          .ipv4(kIpip)
                                          .ipv4(kIpip, 5, 6)
                                          .ipv4(kIpip, 7, 8, 4)
                                          .ipv4(kUdp, 9, 10)
                                          .udp(1, 2, 3)
                                          .build()});
    packets.push_back({"ipip_empty", PacketBuilder().eth(kEtherIpv4).ipv4(kIpip).build()});
}

void add_gre(Packets& packets) {
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
    packets.push_back({"gre_checksum_key_sequence", PacketBuilder()
                                                        .eth(kEtherIpv4)
                                                        .ipv4(kGre)
                                                        .be16(0xb000)
                                                        .be16(kEtherIpv4)
                                                        .be32(0x12340000)
                                                        .be32(77)
                                                        .be32(1)
                                                        .ipv4(kTcp, 3, 4)
                                                        .tcp(5, 80)
                                                        .build()});
    packets.push_back({"gre_ethernet", PacketBuilder()
                                           .eth(kEtherIpv6)
                                           .ipv6(kGre)
                                           .be16(0)
                                           .be16(0x6558)
                                           .eth(kEtherIpv4)
                                           .ipv4(kUdp, 3, 4)
                                           .udp(5, 53, 9)
                                           .build()});
}

void add_over_udp(Packets& packets) {
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
    packets.push_back({"vxlan_vlan", over_udp(4789)
                                         .be32(0x08000000)
                                         .be32(42 << 8)
                                         .eth(kEtherVlan)
                                         .vlan(7, kEtherIpv6)
                                         .ipv6(kUdp)
                                         .udp(9, 53, 8)
                                         .build()});
    packets.push_back(
        {"gue_ipv4", over_udp(6080).be32(0x00040000).ipv4(kTcp, 7, 8).tcp(9, 443).build()});
    packets.push_back(
        {"gue_ipv6_options",
         over_udp(6080).be32(0x01290000).be32(0xabcd).ipv6(kUdp).udp(9, 53, 4).build()});
    packets.push_back({"gue_direct", over_udp(6080).ipv4(kUdp, 7, 8).udp(9, 443, 12).build()});
}

void add_gtp_and_geneve(Packets& packets) {
    packets.push_back({"geneve", over_udp(6081)
                                     .be32(0x01006558)
                                     .be32(99 << 8)
                                     .be32(0x01020301)
                                     .be32(7)
                                     .eth(kEtherIpv4)
                                     .ipv4(kUdp)
                                     .udp(1, 2, 3)
                                     .build()});
    packets.push_back({"gtpu", over_udp(2152)
                                   .be32(0x30ff0028)
                                   .be32(0x01020304)
                                   .ipv4(kTcp, 0x0a2d0002, 0x08080808)
                                   .tcp(9, 443)
                                   .build()});
    packets.push_back({"gtpu_extension", over_udp(2152)
                                             .be32(0x34ff0030)
                                             .be32(0x01020304)
                                             .be32(0x00010085)
                                             .be32(0x01100900)
                                             .ipv4(kUdp, 0x0a2d0002, 0x08080808)
                                             .udp(9, 53, 12)
                                             .build()});
    packets.push_back(
        {"gtpu_echo", over_udp(2152).be32(0x32010004).be32(0).be32(0x00070000).build()});
}

}  // namespace

void add_tunnels(Packets& packets) {
    add_ip_in_ip(packets);
    add_gre(packets);
    add_over_udp(packets);
    add_gtp_and_geneve(packets);
}

}  // namespace weir::tests
