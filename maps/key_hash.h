#pragma once
// The keyed hash of hash maps: folded 64x64 -> 128 bit multiplications, whose factors are mixed
// with secrets drawn for each map. Whoever chooses keys (an attacker's addresses and ports) does
// not know the secrets and so cannot aim at one bucket. Keys of 4, 8 and 16 bytes cost two
// multiplications.

#include <array>
#include <cstdint>

#include "maps/words.h"

namespace weir::maps {

class KeyHash {
public:
    /// `zero_seed`: the same function in every map and run (BPF_F_ZERO_SEED). Otherwise secrets
    /// from getrandom(2).
    static KeyHash make(bool zero_seed);

    /// The function of these secrets.
    static KeyHash of(const std::array<uint64_t, 4>& secrets);

    const std::array<uint64_t, 4>& secrets() const { return secret_; }

    /// `bytes` must be a constant for one map: it is not part of the result.
    uint64_t operator()(const uint8_t* key, uint32_t bytes) const {
        if (bytes == 4) return finish(fold(load_partial(key, 4) ^ secret_[0], secret_[1]));
        if (bytes == 8) return finish(fold(load_private_word(key) ^ secret_[0], secret_[1]));
        if (bytes == 16) return finish(mix(0, load_private_word(key), load_private_word(key + 8)));
        return finish(long_key(key, bytes));
    }

private:
    static uint64_t fold(uint64_t a, uint64_t b) {
        const auto product = static_cast<unsigned __int128>(a) * b;
        return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    }
    uint64_t mix(uint64_t state, uint64_t a, uint64_t b) const {
        return fold(a ^ secret_[0] ^ state, b ^ secret_[1] ^ (state >> 32));
    }
    uint64_t finish(uint64_t state) const { return fold(state ^ secret_[2], secret_[3]); }
    uint64_t long_key(const uint8_t* key, uint32_t bytes) const {
        uint64_t state = 0;
        uint32_t at = 0;
        for (; at + 16 <= bytes; at += 16)
            state = mix(state, load_private_word(key + at), load_private_word(key + at + 8));
        if (at == bytes) return state;
        const uint32_t left = bytes - at;
        const uint64_t low = load_partial(key + at, left < 8 ? left : 8);
        return mix(state, low, left > 8 ? load_partial(key + at + 8, left - 8) : 0);
    }

    std::array<uint64_t, 4> secret_{};
};

}  // namespace weir::maps
