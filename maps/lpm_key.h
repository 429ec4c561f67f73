#pragma once
// Prefixes of an LPM trie as numbers.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "maps/words.h"

namespace weir::maps {

constexpr uint32_t kLpmLengthBytes = 4;        ///< the prefix length in front of the address
constexpr uint32_t kLpmAddressBytesMax = 256;  ///< LPM_DATA_SIZE_MAX
constexpr uint32_t kLpmWordsMax = kLpmAddressBytesMax / 8;

/// An address as numbers, most significant first, so that bit 0 of the prefix is bit 63 of the
/// first.
inline uint64_t address_word(const uint8_t* address, uint32_t bytes, uint32_t word) {
    const uint32_t at = word * 8;
    const uint64_t raw =
        bytes - at >= 8 ? load_private_word(address + at) : load_partial(address + at, bytes - at);
    return __builtin_bswap64(raw);
}

inline bool address_bit(const uint64_t* words, uint32_t index) {
    return (words[index / 64] >> (63 - index % 64) & 1) != 0;
}

/// Byte `index` of the address, as it stood in the key.
inline uint32_t address_byte(const uint64_t* words, uint32_t index) {
    return static_cast<uint32_t>(words[index / 8] >> (56 - index % 8 * 8) & 0xff);
}

/// How many of the first `limit` bits two addresses have in common before they part.
inline uint32_t common_bits(const uint64_t* a, const uint64_t* b, uint32_t limit) {
    for (uint32_t w = 0; w * 64 < limit; ++w) {
        const uint64_t difference = a[w] ^ b[w];
        if (difference != 0)
            return std::min(limit, w * 64 + static_cast<uint32_t>(std::countl_zero(difference)));
    }
    return limit;
}

/// A key taken apart.
struct LpmKey {
    uint32_t prefix_bits;
    std::array<uint64_t, kLpmWordsMax> words;

    /// False when the prefix length exceeds the address.
    bool parse(const uint8_t* raw, uint32_t address_bytes) {
        prefix_bits = bits_of(raw);
        if (prefix_bits > address_bytes * 8) return false;
        for (uint32_t w = 0; w * 8 < address_bytes; ++w)
            words[w] = address_word(raw + kLpmLengthBytes, address_bytes, w);
        return true;
    }
    static uint32_t bits_of(const uint8_t* raw) {
        uint32_t bits;
        std::memcpy(&bits, raw, sizeof bits);
        return bits;
    }
    bool bit(uint32_t index) const { return address_bit(words.data(), index); }
    uint32_t byte(uint32_t index) const { return address_byte(words.data(), index); }
};

}  // namespace weir::maps
