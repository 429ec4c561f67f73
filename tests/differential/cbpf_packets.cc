// Packets for filters, beside those that XDP programs see: other link layers, no bytes at all, and
// mutations.

#include <algorithm>

#include "tests/differential/cbpf_expression.h"

namespace weir::tests {
namespace {

/// GCC 12 at -O3 warns of an insert at the end of a vector whose size it knows.
void append(Bytes& bytes, const Bytes& rest) {
    const size_t end = bytes.size();
    bytes.resize(end + rest.size());
    std::copy(rest.begin(), rest.end(), bytes.begin() + static_cast<ptrdiff_t>(end));
}

constexpr size_t kMutationsPerPacket = 1;

/// An Ethernet header with this type or length, then `rest`, then 40 counting bytes.
Bytes frame(uint16_t type, const Bytes& rest) {
    Bytes bytes = {0x02,
                   0,
                   0x5e,
                   0,
                   0,
                   1,
                   0x02,
                   0,
                   0,
                   0,
                   0,
                   2,
                   static_cast<uint8_t>(type >> 8),
                   static_cast<uint8_t>(type & 0xff)};
    append(bytes, rest);
    for (uint8_t i = 0; i < 40; ++i) bytes.push_back(i);
    return bytes;
}

/// An IPv4 header of this protocol and what follows it.
Bytes ipv4(uint8_t protocol, const Bytes& rest) {
    Bytes bytes = {0x45, 0, 0, 64, 0, 1, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 192, 168, 0, 1};
    append(bytes, rest);
    return bytes;
}

Bytes joined(Bytes front, const Bytes& rest) {
    append(front, rest);
    return front;
}

std::vector<Bytes> other_link_layers() {
    const Bytes udp = {0x9c, 0x41, 0, 53, 0, 30, 0, 0};
    const Bytes geneve_udp = {0x9c, 0x41, 0x17, 0xc1, 0, 60, 0, 0};
    const Bytes geneve = {0, 0, 0x08, 0x00, 0, 0x01, 0x23, 0};
    const Bytes inner = ipv4(17, udp);
    std::vector<Bytes> packets = {
        frame(0x8847, joined({0, 1, 0x01, 64}, inner)),                  // MPLS 16
        frame(0x8847, joined({0, 1, 0, 64, 0, 0x3e, 0x81, 64}, inner)),  // MPLS 16, 1000
        frame(0x8863, {0x11, 9, 0, 0, 0, 4}),                            // PPPoE discovery
        frame(0x8864, joined({0x11, 0, 0, 7, 0, 30, 0, 0x21}, inner)),   // PPPoE session, IPv4
        frame(0x8864, {0x11, 0, 0, 8, 0, 30, 0, 0x57, 0x60}),            // PPPoE session, IPv6
        frame(0x8035, {0,  1, 8, 0, 6, 4, 0, 3, 2, 0, 0,   0,   0, 1,
                       10, 0, 0, 1, 2, 0, 0, 0, 0, 2, 192, 168, 0, 1}),  // RARP
        frame(0x0806, {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,   0,   0, 1,
                       10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 192, 168, 0, 1}),      // ARP
        frame(0x8100, joined({0, 5, 0x88, 0x47, 0, 1, 0x01, 64}, inner)),    // VLAN, MPLS
        frame(0x9100, joined({0, 1, 0x81, 0x00, 0, 5, 0x08, 0x00}, inner)),  // QinQ of old
        frame(0x0800, ipv4(17, joined(joined(geneve_udp, geneve), inner))),  // Geneve
        frame(0x0800, ipv4(17, joined(joined(geneve_udp, {0, 0, 0x65, 0x58, 0, 0, 1, 0}),
                                      frame(0x0800, inner)))),
        frame(0x6003, {0x10, 0, 0x02, 1, 4, 1, 4}),  // DECnet
        frame(0x809b, {1, 2, 3}),
        frame(0x80f3, {1, 2, 3}),
        frame(0x8137, {0xff, 0xff}),
        frame(0x6004, {1}),
        frame(0x6001, {1}),
        frame(0x6002, {1}),
        frame(0x6007, {1}),
        frame(43, {0xfe, 0xfe, 0x03, 0x83, 27, 1, 0, 15}),  // IS-IS, L1 hello
        frame(43, {0xfe, 0xfe, 0x03, 0x83, 27, 1, 0, 20}),  // L2 LSP
        frame(43, {0xfe, 0xfe, 0x03, 0x82}),                // ES-IS
        frame(43, {0xf0, 0xf0, 0x03}),
        frame(43, {0xe0, 0xe0, 0x03}),
        frame(43, {0x42, 0x42, 0x03}),
        frame(48, {0xaa, 0xaa, 0x03, 8, 0, 7, 0x80, 0x9b}),  // SNAP, AppleTalk
        frame(43, {0x04, 0x04, 0x01, 0x02}),
        frame(43, {0x04, 0x04, 0x00, 0x02}),
    };
    for (const uint8_t protocol :
         std::initializer_list<uint8_t>{1, 2, 4, 9, 47, 50, 51, 88, 103, 112, 132})
        packets.push_back(frame(0x0800, ipv4(protocol, inner)));
    return packets;
}

Bytes mutated(Bytes bytes, std::mt19937_64& random) {
    for (uint64_t left = 1 + random() % 6; left > 0 && !bytes.empty(); --left) {
        const size_t near_front = std::min<size_t>(bytes.size(), 64);
        bytes[random() % near_front] = static_cast<uint8_t>(random());
    }
    if (random() % 3 == 0) bytes.resize(random() % (bytes.size() + 1));
    return bytes;
}

}  // namespace

std::vector<Bytes> filter_packets(uint64_t seed) {
    std::vector<Bytes> packets = bytes_of(test_packets());
    for (const TestPacket& runt : runt_packets()) packets.push_back(runt.bytes);
    for (Bytes& other : other_link_layers()) packets.push_back(std::move(other));
    packets.emplace_back();
    std::mt19937_64 random(seed);
    const size_t plain = packets.size();
    for (size_t i = 0; i < plain * kMutationsPerPacket; ++i)
        packets.push_back(mutated(packets[i % plain], random));
    return packets;
}

}  // namespace weir::tests
