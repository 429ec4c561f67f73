#pragma once
// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), 64 bits.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace weir::vm {

using SipKey = std::array<uint64_t, 2>;

class SipState {
public:
    explicit SipState(const SipKey& key)
        : v0_(key[0] ^ 0x736f6d6570736575u),
          v1_(key[1] ^ 0x646f72616e646f6du),
          v2_(key[0] ^ 0x6c7967656e657261u),
          v3_(key[1] ^ 0x7465646279746573u) {}

    void absorb(uint64_t word) {
        v3_ ^= word;
        rounds(2);
        v0_ ^= word;
    }
    uint64_t finish() {
        v2_ ^= 0xff;
        rounds(4);
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

private:
    void rounds(int count) {
        for (; count != 0; --count) {
            v0_ += v1_;
            v1_ = std::rotl(v1_, 13) ^ v0_;
            v0_ = std::rotl(v0_, 32);
            v2_ += v3_;
            v3_ = std::rotl(v3_, 16) ^ v2_;
            v0_ += v3_;
            v3_ = std::rotl(v3_, 21) ^ v0_;
            v2_ += v1_;
            v1_ = std::rotl(v1_, 17) ^ v2_;
            v2_ = std::rotl(v2_, 32);
        }
    }

    uint64_t v0_, v1_, v2_, v3_;
};

/// Of a byte string, read as little-endian words; the last one carries the length on top.
inline uint64_t siphash(std::span<const uint8_t> bytes, const SipKey& key) {
    SipState state(key);
    const uint64_t length = bytes.size();
    for (; bytes.size() >= sizeof(uint64_t); bytes = bytes.subspan(sizeof(uint64_t))) {
        uint64_t word;
        std::memcpy(&word, bytes.data(), sizeof word);
        state.absorb(word);
    }
    uint64_t last = length << 56;
    for (size_t i = 0; i < bytes.size(); ++i) last |= uint64_t{bytes[i]} << (8 * i);
    state.absorb(last);
    return state.finish();
}

}  // namespace weir::vm
