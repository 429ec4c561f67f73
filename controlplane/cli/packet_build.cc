// Headers from the inside out, so that each knows the length of what it carries.

#include "controlplane/cli/packet_build.h"

#include <algorithm>

namespace weir::controlplane::cli {
namespace {

constexpr uint16_t kPayloadChecksumless = 0xffff;

void put16(Bytes& bytes, uint32_t value) {
    bytes.push_back(static_cast<uint8_t>(value >> 8));
    bytes.push_back(static_cast<uint8_t>(value));
}
void put32(Bytes& bytes, uint32_t value) {
    put16(bytes, value >> 16);
    put16(bytes, value & 0xffff);
}
template <typename Range>
void append(Bytes& bytes, const Range& more) {
    for (const uint8_t byte : more) bytes.push_back(byte);
}

/// RFC 1071.
uint16_t checksum(ByteSpan bytes) {
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i += 2)
        sum += static_cast<uint32_t>(bytes[i] << 8) | (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

void store16(Bytes& bytes, size_t at, uint16_t value) {
    bytes[at] = static_cast<uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<uint8_t>(value);
}

ByteSpan address(const PacketPlan& plan, const std::array<uint8_t, 16>& whole) {
    return ByteSpan(whole).first(plan.is_v6 ? 16 : 4);
}

/// Of TCP, UDP and ICMPv6, over the pseudo header too (RFC 9293, 768, 8200).
uint16_t transport_checksum(const PacketPlan& plan, const Bytes& segment) {
    Bytes pseudo;
    append(pseudo, address(plan, plan.source));
    append(pseudo, address(plan, plan.destination));
    put32(pseudo, static_cast<uint32_t>(segment.size()));
    put32(pseudo, plan.protocol);
    append(pseudo, segment);
    return checksum(pseudo);
}

Bytes tcp_header(const PacketPlan& plan) {
    Bytes header;
    put16(header, plan.source_port.value_or(0));
    put16(header, plan.destination_port.value_or(0));
    put32(header, 1);
    put32(header, (plan.tcp_flags & 0x10) != 0 ? 1 : 0);
    put16(header, 0x5000u | plan.tcp_flags);
    put16(header, 0xffff);
    put32(header, 0);
    return header;
}

Bytes icmp_header(const PacketPlan& plan) {
    constexpr uint8_t kEcho = 8, kEcho6 = 128;
    const bool is_v6 = plan.protocol == kProtocolIcmpv6;
    Bytes header = {plan.icmp_type.value_or(is_v6 ? kEcho6 : kEcho), plan.icmp_code, 0, 0};
    put32(header, 0x00010001);
    return header;
}

Bytes transport_header(const PacketPlan& plan) {
    switch (plan.protocol) {
        case kProtocolTcp: return tcp_header(plan);
        case kProtocolUdp: {
            Bytes header;
            put16(header, plan.source_port.value_or(0));
            put16(header, plan.destination_port.value_or(0));
            put32(header, 0);
            return header;
        }
        case kProtocolIcmp:
        case kProtocolIcmpv6: return icmp_header(plan);
        default: return {};
    }
}

void finish_transport(const PacketPlan& plan, Bytes& segment) {
    switch (plan.protocol) {
        case kProtocolTcp: store16(segment, 16, transport_checksum(plan, segment)); break;
        case kProtocolUdp: {
            store16(segment, 4, static_cast<uint16_t>(segment.size()));
            const uint16_t sum = transport_checksum(plan, segment);
            store16(segment, 6, sum == 0 ? kPayloadChecksumless : sum);
            break;
        }
        case kProtocolIcmp: store16(segment, 2, checksum(segment)); break;
        case kProtocolIcmpv6: store16(segment, 2, transport_checksum(plan, segment)); break;
        default: break;
    }
}

Bytes ipv4(const PacketPlan& plan, const Bytes& segment) {
    constexpr uint32_t kHeaderBytes = 20, kDontFragment = 0x4000, kMoreFragments = 0x2000;
    Bytes header = {0x45, plan.tos};
    put16(header, kHeaderBytes + static_cast<uint32_t>(segment.size()));
    put16(header, plan.id);
    put16(header, plan.fragment_offset / 8 | (plan.dont_fragment ? kDontFragment : 0) |
                      (plan.more_fragments ? kMoreFragments : 0));
    header.push_back(plan.ttl);
    header.push_back(plan.protocol);
    put16(header, 0);
    append(header, address(plan, plan.source));
    append(header, address(plan, plan.destination));
    store16(header, 10, checksum(header));
    append(header, segment);
    return header;
}

Bytes ipv6(const PacketPlan& plan, const Bytes& segment) {
    Bytes rest;
    if (plan.is_fragment()) {
        rest = {plan.protocol, 0};
        put16(rest, plan.fragment_offset | (plan.more_fragments ? 1u : 0u));
        put32(rest, plan.id);
    }
    append(rest, segment);
    Bytes header;
    put32(header, 6u << 28 | static_cast<uint32_t>(plan.tos) << 20);
    put16(header, static_cast<uint32_t>(rest.size()));
    header.push_back(plan.is_fragment() ? kProtocolFragment : plan.protocol);
    header.push_back(plan.ttl);
    append(header, address(plan, plan.source));
    append(header, address(plan, plan.destination));
    append(header, rest);
    return header;
}

/// Who has the destination's address?
Bytes arp(const PacketPlan& plan) {
    Bytes body;
    put16(body, 1);
    put16(body, kEtherIpv4);
    put16(body, 0x0604);
    put16(body, 1);
    append(body, plan.from);
    append(body, address(plan, plan.source));
    body.insert(body.end(), 6, 0);
    append(body, address(plan, plan.destination));
    return body;
}

Bytes ethernet(const PacketPlan& plan) {
    Bytes header;
    append(header, plan.to);
    append(header, plan.from);
    for (size_t i = 0; i < plan.vlans.size(); ++i) {
        const bool is_outer = i + 1 < plan.vlans.size();
        put16(header, is_outer ? kEtherVlanOuter : kEtherVlan);
        put16(header, plan.vlans[i]);
    }
    const bool is_arp = plan.kind == PacketPlan::Kind::Arp;
    put16(header, is_arp ? kEtherArp : plan.is_v6 ? kEtherIpv6 : kEtherIpv4);
    return header;
}

}  // namespace

Bytes build_packet(const PacketPlan& plan) {
    Bytes frame = ethernet(plan);
    if (plan.kind == PacketPlan::Kind::Arp) {
        append(frame, arp(plan));
    } else {
        // Only a first fragment has the transport's header; its checksum is of what is here.
        Bytes segment = plan.fragment_offset == 0 ? transport_header(plan) : Bytes();
        append(segment, plan.payload);
        size_t bytes = frame.size() + (plan.is_v6 ? 40 : 20) + segment.size();
        if (plan.is_v6 && plan.is_fragment()) bytes += 8;
        if (plan.frame_bytes && *plan.frame_bytes > bytes)
            segment.resize(segment.size() + *plan.frame_bytes - bytes);
        if (plan.fragment_offset == 0) finish_transport(plan, segment);
        append(frame, plan.is_v6 ? ipv6(plan, segment) : ipv4(plan, segment));
    }
    if (plan.frame_bytes) frame.resize(*plan.frame_bytes);
    return frame;
}

}  // namespace weir::controlplane::cli
