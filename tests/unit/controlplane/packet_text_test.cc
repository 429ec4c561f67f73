#include "controlplane/cli/packet_text.h"

#include <gtest/gtest.h>

#include <numeric>

namespace weir::controlplane::cli {
namespace {

Bytes must(const std::string& text) {
    const Result<Bytes> packet = packet_from_text(text);
    EXPECT_TRUE(packet) << text << ": " << packet.error().message;
    return packet.value_or(Bytes());
}

std::string error_of(const std::string& text) {
    const Result<Bytes> packet = packet_from_text(text);
    EXPECT_FALSE(packet) << text;
    if (packet) return "";
    EXPECT_EQ(packet.error().kind, ErrorKind::kInvalid);
    return packet.error().message;
}

/// Of 16-bit words in network order, folded: 0xffff over bytes that hold their own checksum.
uint16_t sum(ByteSpan bytes, uint32_t start = 0) {
    uint64_t total = start;
    for (size_t i = 0; i < bytes.size(); i += 2)
        total += static_cast<uint32_t>(bytes[i] << 8) | (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
    while (total >> 16 != 0) total = (total & 0xffff) + (total >> 16);
    return static_cast<uint16_t>(total);
}

void expect_checksums(ByteSpan frame, bool is_v6, uint8_t protocol) {
    const ByteSpan packet = frame.subspan(14);
    const size_t header = is_v6 ? 40 : 20;
    if (!is_v6) {
        EXPECT_EQ(sum(packet.first(header)), 0xffff);
    }
    const ByteSpan segment = packet.subspan(header);
    if (protocol == 1) {
        EXPECT_EQ(sum(segment), 0xffff);
        return;
    }
    const ByteSpan addresses = is_v6 ? packet.subspan(8, 32) : packet.subspan(12, 8);
    const uint32_t pseudo =
        sum(addresses) + static_cast<uint32_t>(segment.size()) + uint32_t{protocol};
    EXPECT_EQ(sum(segment, pseudo), 0xffff);
}

TEST(PacketText, MakesPacketsWithRightChecksumsAndLengths) {
    struct Case {
        const char* text;
        size_t bytes;
        bool is_v6;
        uint8_t protocol;
    };
    for (const Case& each : {Case{"tcp 192.0.2.1:40000 -> 198.51.100.2:443", 54, false, 6},
                             Case{"tcp [2001:db8::1]:5->[2001:db8::2]:443 flags=SA", 74, true, 6},
                             Case{"udp 192.0.2.1:1 -> 198.51.100.2:53 len 101", 101, false, 17},
                             Case{"udp [::1]:1 -> [::2]:53 data 0x010203", 65, true, 17},
                             Case{"icmp 192.0.2.1 -> 192.0.2.2 type 0", 42, false, 1},
                             Case{"icmpv6 2001:db8::1 -> 2001:db8::2", 62, true, 58}}) {
        const Bytes frame = must(each.text);
        ASSERT_EQ(frame.size(), each.bytes) << each.text;
        expect_checksums(frame, each.is_v6, each.protocol);
        const size_t length =
            each.is_v6 ? frame[18] * 256u + frame[19] + 54u : frame[16] * 256u + frame[17] + 14u;
        EXPECT_EQ(length, each.bytes) << each.text;
    }
}

TEST(PacketText, ComesBackInTheSameWords) {
    for (const char* text :
         {"tcp 192.0.2.1:40000 -> 198.51.100.2:443 flags=S",
          "tcp [2001:db8::1]:5 -> [2001:db8::2]:443 flags=FSRPAUEC", "udp 1.2.3.4:5 -> 6.7.8.9:53",
          "icmp 1.2.3.4 -> 6.7.8.9", "icmpv6 [fe80::1] -> [ff02::1]", "arp 192.0.2.1 -> 192.0.2.2",
          "ip proto 47 1.2.3.4 -> 6.7.8.9", "ip proto 47 1.2.3.4 -> 6.7.8.9 vlan 100",
          "tcp 1.2.3.4:5 -> 6.7.8.9:1 flags=S vlan 7 vlan 100",
          "udp 1.2.3.4:5 -> 6.7.8.9:53 frag 0+", "udp 1.2.3.4 -> 6.7.8.9 frag 1480+",
          "udp [2001:db8::1] -> [2001:db8::2] frag 1480"}) {
        const Bytes frame = must(text);
        const std::string summary = packet_summary(frame);
        EXPECT_EQ(summary, text + std::string(", ") + std::to_string(frame.size()) + " bytes");
    }
}

TEST(PacketText, OptionsLandInTheirFields) {
    const Bytes frame =
        must("udp 1.2.3.4:5 -> 6.7.8.9:53 ttl=3 tos 0x10 id 77 df 1 to 02:00:00:00:00:09");
    EXPECT_EQ(frame[22], 3);
    EXPECT_EQ(frame[15], 0x10);
    EXPECT_EQ(frame[19], 77);
    EXPECT_EQ(frame[20], 0x40);
    EXPECT_EQ(frame[5], 9);
    const Bytes tagged = must("arp 1.2.3.4 -> 1.2.3.5 vlan 2 vlan 3");
    EXPECT_EQ(Bytes(tagged.begin() + 12, tagged.begin() + 22),
              (Bytes{0x88, 0xa8, 0, 2, 0x81, 0, 0, 3, 8, 6}));
    EXPECT_EQ(must("tcp 1.2.3.4:5 -> 6.7.8.9:53 len 7").size(), 7u);
}

TEST(PacketText, ErrorsSayTheColumnAndWhatWasExpected) {
    struct Case {
        const char *text, *error;
    };
    for (const Case& each :
         {Case{"",
               "packet: column 1: the end, expected tcp, udp, icmp, icmpv6, arp or 'ip proto "
               "N'"},
          Case{"sctp 1.2.3.4:5 -> 6.7.8.9:1",
               "packet: column 1: 'sctp', expected tcp, udp, icmp, icmpv6, arp or 'ip proto N'"},
          Case{"tcp 1.2.3.4 -> 6.7.8.9:1",
               "packet: column 5: '1.2.3.4', expected a port behind the address (ADDRESS:PORT)"},
          Case{"tcp 1.2.3.4:5 6.7.8.9:1", "packet: column 15: '6.7.8.9:1', expected '->'"},
          Case{"tcp 1.2.3.4:5 -> 6.7.8.9:70000",
               "packet: column 18: '6.7.8.9:70000', expected a port of 0 to 65535 behind the "
               "address"},
          Case{"tcp 1.2.3.256:5 -> 6.7.8.9:1",
               "packet: column 5: '1.2.3.256:5', expected ADDRESS:PORT, of IPv6 [ADDRESS]:PORT"},
          Case{"tcp 1.2.3.4:5 -> [::1]:1",
               "packet: column 18: '[::1]:1', expected an IPv4 address as before the arrow"},
          Case{"tcp 1.2.3.4:5 -> 6.7.8.9:1 flags=X",
               "packet: column 34: 'X', expected letters of FSRPAUEC"},
          Case{"udp 1.2.3.4:5 -> 6.7.8.9:1 flags=S",
               "packet: column 28: 'flags', expected an option: vlan, len, from, to, ttl, tos, id, "
               "frag, data, df"},
          Case{"udp 1.2.3.4:5 -> 6.7.8.9:1 vlan 5000",
               "packet: column 33: '5000', expected a VLAN of 0 to 4095"},
          Case{"udp 1.2.3.4:5 -> 6.7.8.9:1 frag 7",
               "packet: column 33: '7', expected a byte offset of 0 to 65528, a multiple of 8, "
               "with '+' behind where more follow"},
          Case{"icmp 1.2.3.4:5 -> 6.7.8.9",
               "packet: column 6: '1.2.3.4:5', expected an address without a port"},
          Case{"arp ::1 -> ::2", "packet: column 12: '::2', expected an IPv4 address for arp"},
          Case{"icmpv6 1.2.3.4 -> 6.7.8.9",
               "packet: column 19: '6.7.8.9', expected an IPv6 address for icmpv6"},
          Case{"ip proto 300 1.2.3.4 -> 6.7.8.9",
               "packet: column 10: '300', expected a protocol of 0 to 255"},
          Case{"ip 1.2.3.4 -> 6.7.8.9", "packet: column 4: '1.2.3.4', expected 'proto N'"},
          Case{"udp 1.2.3.4:5 -> 6.7.8.9:1 len",
               "packet: column 31: the end, expected a length of 0 to 9600"},
          Case{"udp 1.2.3.4:5 -> 6.7.8.9:1 data 0x123",
               "packet: column 33: '0x123', expected bytes in hex after 0x"}})
        EXPECT_EQ(error_of(each.text), each.error) << each.text;
}

TEST(PacketText, AnyPrefixOfAPacketIsAPacketOrAnError) {
    const std::string whole =
        "tcp [2001:db8::1]:5 -> [2001:db8::2]:443 flags=SA vlan 7 vlan 8 len 200 ttl=3 frag 0+ id "
        "9";
    for (size_t length = 0; length <= whole.size(); ++length) {
        const Result<Bytes> packet = packet_from_text(whole.substr(0, length));
        if (!packet) {
            EXPECT_TRUE(packet.error().message.starts_with("packet: column "));
        }
    }
}

TEST(PacketText, SummariesOfCutFramesStayWithinThem) {
    for (const char* text :
         {"tcp 1.2.3.4:5 -> 6.7.8.9:1 vlan 1 vlan 2",
          "udp [2001:db8::1]:1 -> [2001:db8::2]:2 frag 0+", "arp 1.2.3.4 -> 1.2.3.5"}) {
        const Bytes frame = must(text);
        for (size_t length = 1; length <= frame.size(); ++length) {
            const Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length));
            EXPECT_NE(packet_summary(cut).find(" bytes"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace weir::controlplane::cli
