// Frames in one line, in the words of packet_text.h.

#include <fmt/core.h>

#include "controlplane/cli/packet_build.h"
#include "controlplane/cli/packet_text.h"
#include "controlplane/telemetry/network_text.h"

namespace weir::controlplane::cli {
namespace {

class Summary {
public:
    explicit Summary(ByteSpan frame) : rest_(frame) {}

    std::string text() {
        const size_t bytes = rest_.size();
        return fmt::format("{}, {} bytes", what(), bytes);
    }

private:
    uint16_t be16(size_t at) const { return static_cast<uint16_t>(rest_[at] << 8 | rest_[at + 1]); }
    bool has(size_t bytes) const { return rest_.size() >= bytes; }
    void skip(size_t bytes) { rest_ = rest_.subspan(std::min(bytes, rest_.size())); }

    std::string what() {
        constexpr size_t kMacsBytes = 12;
        if (!has(kMacsBytes + 2)) return "a runt";
        skip(kMacsBytes);
        std::string tags;
        while (has(4) && (be16(0) == kEtherVlan || be16(0) == kEtherVlanOuter)) {
            tags += fmt::format(" vlan {}", be16(2) & 0xfff);
            skip(4);
        }
        if (!has(2)) return "cut behind its VLAN tags" + tags;
        const uint16_t type = be16(0);
        skip(2);
        if (type == kEtherIpv4) return ipv4() + tags;
        if (type == kEtherIpv6) return ipv6() + tags;
        if (type == kEtherArp && has(28))
            return fmt::format("arp {} -> {}{}", address_text(rest_.subspan(14, 4)),
                               address_text(rest_.subspan(24, 4)), tags);
        return fmt::format("EtherType 0x{:04x}{}", type, tags);
    }

    std::string ipv4() {
        constexpr size_t kHeaderBytes = 20;
        if (!has(kHeaderBytes)) return "a cut IPv4 header";
        const size_t header = static_cast<size_t>(rest_[0] & 15) * 4;
        const uint32_t offset = (be16(6) & 0x1fffu) * 8;
        const bool more = (be16(6) & 0x2000) != 0;
        const std::string source = address_text(rest_.subspan(12, 4)),
                          destination = address_text(rest_.subspan(16, 4));
        const uint8_t protocol = rest_[9];
        skip(header);
        return ends(protocol, source, destination, offset == 0) + fragment(offset, more);
    }

    std::string ipv6() {
        constexpr size_t kHeaderBytes = 40;
        if (!has(kHeaderBytes)) return "a cut IPv6 header";
        uint8_t protocol = rest_[6];
        const std::string source = "[" + address_text(rest_.subspan(8, 16)) + "]",
                          destination = "[" + address_text(rest_.subspan(24, 16)) + "]";
        skip(kHeaderBytes);
        uint32_t offset = 0;
        bool more = false;
        if (protocol == kProtocolFragment && has(8)) {
            protocol = rest_[0];
            offset = be16(2) & 0xfff8u;
            more = (be16(2) & 1) != 0;
            skip(8);
        }
        return ends(protocol, source, destination, offset == 0) + fragment(offset, more);
    }

    static std::string fragment(uint32_t offset, bool more) {
        if (offset == 0 && !more) return "";
        return fmt::format(" frag {}{}", offset, more ? "+" : "");
    }

    std::string ends(uint8_t protocol, const std::string& source, const std::string& destination,
                     bool has_header) {
        const bool has_ports =
            (protocol == kProtocolTcp || protocol == kProtocolUdp) && has_header && has(4);
        const std::string name = protocol == kProtocolTcp    ? "tcp"
                                 : protocol == kProtocolUdp  ? "udp"
                                 : protocol == kProtocolIcmp ? "icmp"
                                 : protocol == kProtocolIcmpv6
                                     ? "icmpv6"
                                     : fmt::format("ip proto {}", protocol);
        if (!has_ports) return fmt::format("{} {} -> {}", name, source, destination);
        std::string text =
            fmt::format("{} {}:{} -> {}:{}", name, source, be16(0), destination, be16(2));
        if (protocol == kProtocolTcp && has(14)) text += " flags=" + flags(rest_[13]);
        return text;
    }

    static std::string flags(uint8_t bits) {
        std::string text;
        for (size_t bit = 0; bit < 8; ++bit)
            if ((bits >> bit & 1) != 0) text += "FSRPAUEC"[bit];
        return text.empty() ? "-" : text;
    }

    ByteSpan rest_;
};

}  // namespace

std::string packet_summary(ByteSpan frame) {
    return Summary(frame).text();
}

}  // namespace weir::controlplane::cli
