// With a key that repeats after 16 bits, Toeplitz' hash of an input is the hash of the exclusive or
// of its 16-bit words. So headers are folded into one word while they are walked through, and
// hashing that word is two look-ups.

#include "dataplane/flow_hash.h"

#include <cstring>

namespace weir::dataplane {
namespace {

constexpr uint32_t kStepsMax = 12;  ///< headers looked through; of the rest nothing is asked

constexpr std::array<std::array<uint16_t, 256>, 2> kTables = [] {
    std::array<std::array<uint16_t, 256>, 2> tables{};
    for (uint32_t value = 0; value < 256; ++value) {
        const auto byte = static_cast<uint8_t>(value);
        const std::array<uint8_t, 2> words[2] = {{byte, 0}, {0, byte}};
        for (size_t i = 0; i < 2; ++i)
            tables[i][value] = static_cast<uint16_t>(toeplitz_hash(kSymmetricKey, words[i]) >> 16);
    }
    return tables;
}();

/// `word` as it lies in memory.
uint16_t hash_of(uint16_t word) {
    return kTables[0][word & 0xff] ^ kTables[1][word >> 8];
}

template <typename Word>
Word load(const uint8_t* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}
uint16_t be16(const uint8_t* at) {
    return __builtin_bswap16(load<uint16_t>(at));
}

uint16_t fold(uint64_t word) {
    word ^= word >> 32;
    return static_cast<uint16_t>(word ^ word >> 16);
}

enum class Next : uint8_t { Done, Ethernet, Type, Mpls, Pppoe, Ipv4, Ipv6, Upper, Udp, Gre };

struct Walk {
    const uint8_t* at;
    const uint8_t* end;
    FragmentedPairs& fragmented;
    uint16_t folded = 0;    ///< the exclusive or of what identifies the flow
    uint16_t type = 0;      ///< Next::Type: an EtherType
    uint8_t protocol = 0;   ///< Next::Upper
    bool has_macs = false;  ///< the outermost Ethernet header was seen

    bool has(size_t bytes) const { return static_cast<size_t>(end - at) >= bytes; }
};

Next ethernet(Walk& walk) {
    if (!walk.has(14)) return Next::Done;
    if (!walk.has_macs)
        walk.folded = fold(load<uint64_t>(walk.at)) ^ fold(load<uint32_t>(walk.at + 8));
    walk.has_macs = true;
    walk.type = be16(walk.at + 12);
    walk.at += 14;
    return Next::Type;
}

Next ether_type(Walk& walk) {
    switch (walk.type) {
        case 0x0800: return Next::Ipv4;
        case 0x86dd: return Next::Ipv6;
        case 0x6558: return Next::Ethernet;  // in GRE and Geneve
        case 0x8847: return Next::Mpls;
        case 0x8864: return Next::Pppoe;
        case 0x8100:
        case 0x88a8:
        case 0x9100:
            if (!walk.has(4)) return Next::Done;
            walk.type = be16(walk.at + 2);
            walk.at += 4;
            return Next::Type;
    }
    return Next::Done;
}

Next mpls(Walk& walk) {
    if (!walk.has(5)) return Next::Done;
    const bool is_last = walk.at[2] & 1;
    walk.at += 4;
    if (!is_last) return Next::Mpls;
    if (walk.at[0] >> 4 == 4) return Next::Ipv4;
    return walk.at[0] >> 4 == 6 ? Next::Ipv6 : Next::Done;
}

Next pppoe(Walk& walk) {
    if (!walk.has(8)) return Next::Done;
    const uint16_t protocol = be16(walk.at + 6);
    walk.at += 8;
    if (protocol == 0x0021) return Next::Ipv4;
    return protocol == 0x0057 ? Next::Ipv6 : Next::Done;
}

/// Addresses end the walk where fragments are about.
Next pair_of_addresses(Walk& walk, uint16_t pair, bool is_fragment) {
    walk.folded = pair;
    const uint16_t hash = hash_of(pair);
    if (__builtin_expect(walk.fragmented.contains(hash), 0)) return Next::Done;
    if (__builtin_expect(!is_fragment, 1)) return Next::Upper;
    walk.fragmented.add(hash);
    return Next::Done;
}

Next ipv4(Walk& walk) {
    if (!walk.has(20)) return Next::Done;
    const uint8_t* header = walk.at;
    const size_t length = size_t{header[0] & 0xfu} * 4;
    if (length < 20) return Next::Done;
    walk.protocol = header[9];
    walk.at += walk.has(length) ? length : static_cast<size_t>(walk.end - walk.at);
    return pair_of_addresses(walk, fold(load<uint64_t>(header + 12)),
                             (be16(header + 6) & 0x3fff) != 0);
}

bool is_extension(uint8_t protocol) {
    return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60;
}

/// Passes over extension headers (RFC 8200); true: over that of a fragment, of more than one.
bool skip_extensions(Walk& walk) {
    for (uint32_t i = 0; i < 8 && is_extension(walk.protocol) && walk.has(8); ++i) {
        const uint8_t* header = walk.at;
        if (walk.protocol == 44 && (be16(header + 2) & 0xfff9) != 0) return true;
        const size_t units = walk.protocol == 44 ? 0 : header[1];
        const size_t length = walk.protocol == 51 ? (units + 2) * 4 : (units + 1) * 8;
        walk.protocol = header[0];
        walk.at += walk.has(length) ? length : static_cast<size_t>(walk.end - walk.at);
    }
    return false;
}

Next ipv6(Walk& walk) {
    if (!walk.has(40)) return Next::Done;
    const uint8_t* header = walk.at;
    const uint64_t pair = load<uint64_t>(header + 8) ^ load<uint64_t>(header + 16) ^
                          load<uint64_t>(header + 24) ^ load<uint64_t>(header + 32);
    walk.protocol = header[6];
    walk.at += 40;
    const bool is_fragment = is_extension(walk.protocol) && skip_extensions(walk);
    return pair_of_addresses(walk, fold(pair), is_fragment);
}

Next upper(Walk& walk) {
    switch (walk.protocol) {
        case 4: return Next::Ipv4;
        case 41: return Next::Ipv6;
        case 47: return Next::Gre;
        case 6:
        case 17:
        case 33:
        case 132:
        case 136: break;
        default: return Next::Done;
    }
    if (!walk.has(4)) return Next::Done;
    walk.folded ^= fold(load<uint32_t>(walk.at));
    return walk.protocol == 17 ? Next::Udp : Next::Done;
}

/// Tunnels are known by the port that they are sent to, in both directions.
Next udp(Walk& walk) {
    if (!walk.has(16)) return Next::Done;
    const uint8_t* header = walk.at + 8;
    switch (be16(walk.at + 2)) {
        case 4789:  // VXLAN, RFC 7348
            walk.at += 16;
            return Next::Ethernet;
        case 6081: {  // Geneve, RFC 8926
            const size_t length = 16 + size_t{header[0] & 0x3fu} * 4;
            if (!walk.has(length)) return Next::Done;
            walk.type = be16(header + 2);
            walk.at += length;
            return Next::Type;
        }
        case 2152: {  // GTP-U, 3GPP TS 29.281: a packet of a user is message 255
            const size_t length = 16 + (header[0] & 7 ? 4 : 0);
            if (header[1] != 255 || header[0] & 4 || !walk.has(length + 1)) return Next::Done;
            walk.at += length;
            return walk.at[0] >> 4 == 4 ? Next::Ipv4 : Next::Ipv6;
        }
    }
    return Next::Done;
}

/// RFC 2784 and 2890: a checksum, a key, a sequence number take 4 bytes each.
Next gre(Walk& walk) {
    if (!walk.has(4) || (walk.at[1] & 7) != 0) return Next::Done;
    const uint8_t flags = walk.at[0];
    const size_t length = 4 * (1u + (flags >> 7 & 1u) + (flags >> 5 & 1u) + (flags >> 4 & 1u));
    if (!walk.has(length)) return Next::Done;
    walk.type = be16(walk.at + 2);
    walk.at += length;
    return Next::Type;
}

bool may_be_tunnel(uint8_t protocol, uint16_t destination_port) {
    return protocol == 17 &&
           (destination_port == 4789 || destination_port == 6081 || destination_port == 2152);
}

/// What most frames are, without a walk: TCP or UDP right behind IPv4 without options, or IPv6,
/// right behind Ethernet; whole, and no tunnel. False: it is something else.
inline bool hash_plain(ByteSpan frame, const FragmentedPairs& fragmented, uint16_t& hash) {
    if (frame.size() < 14 + 40 + 4) return false;
    const uint8_t* const header = frame.data() + 14;
    const uint16_t type = be16(frame.data() + 12);
    const bool is_v4 = type == 0x0800 && header[0] == 0x45 && (be16(header + 6) & 0x3fff) == 0;
    if (!is_v4 && type != 0x86dd) return false;
    const uint8_t protocol = is_v4 ? header[9] : header[6];
    const uint8_t* const ports = header + (is_v4 ? 20 : 40);
    if ((protocol != 6 && protocol != 17) || may_be_tunnel(protocol, be16(ports + 2))) return false;
    const uint64_t pair = is_v4 ? load<uint64_t>(header + 12)
                                : load<uint64_t>(header + 8) ^ load<uint64_t>(header + 16) ^
                                      load<uint64_t>(header + 24) ^ load<uint64_t>(header + 32);
    hash = hash_of(fold(pair));
    if (__builtin_expect(!fragmented.contains(hash), 1))
        hash ^= hash_of(fold(load<uint32_t>(ports)));
    return true;
}

Next step(Walk& walk, Next next) {
    switch (next) {
        case Next::Done: break;
        case Next::Ethernet: return ethernet(walk);
        case Next::Type: return ether_type(walk);
        case Next::Mpls: return mpls(walk);
        case Next::Pppoe: return pppoe(walk);
        case Next::Ipv4: return ipv4(walk);
        case Next::Ipv6: return ipv6(walk);
        case Next::Upper: return upper(walk);
        case Next::Udp: return udp(walk);
        case Next::Gre: return gre(walk);
    }
    return Next::Done;
}

}  // namespace

uint16_t flow_hash(ByteSpan frame, FragmentedPairs& fragmented) {
    uint16_t hash = 0;
    if (__builtin_expect(hash_plain(frame, fragmented, hash), 1)) return hash;
    Walk walk{.at = frame.data(), .end = frame.data() + frame.size(), .fragmented = fragmented};
    Next next = Next::Ethernet;
    for (uint32_t i = 0; i < kStepsMax && next != Next::Done; ++i) next = step(walk, next);
    return hash_of(walk.folded);
}

}  // namespace weir::dataplane
