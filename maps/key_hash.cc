#include "maps/key_hash.h"

#include <sys/random.h>

#include <algorithm>

#include "vm/base/check.h"

namespace weir::maps {

KeyHash KeyHash::make(bool zero_seed) {
    // Digits of pi: any odd numbers without pattern would do.
    constexpr std::array<uint64_t, 4> kFixed = {0x243F6A8885A308D3u, 0x13198A2E03707345u,
                                                0xA4093822299F31D1u, 0x082EFA98EC4E6C89u};
    KeyHash hash;
    hash.secret_ = kFixed;
    if (!zero_seed) {
        const ssize_t got = getrandom(hash.secret_.data(), sizeof hash.secret_, 0);
        WEIR_CHECK(got == static_cast<ssize_t>(sizeof hash.secret_));
    }
    // Factors that stand alone must not be even: that would lose bits of the other one.
    hash.secret_[1] |= 1;
    hash.secret_[3] |= 1;
    return hash;
}

uint64_t KeyHash::long_key(const uint8_t* key, uint32_t bytes) const {
    uint64_t state = 0;
    for (uint32_t at = 0; at < bytes; at += 16) {
        const uint32_t left = bytes - at;
        const uint64_t low = load_partial(key + at, std::min(left, 8u));
        const uint64_t high = left > 8 ? load_partial(key + at + 8, std::min(left - 8, 8u)) : 0;
        state = mix(state, low, high);
    }
    return state;
}

}  // namespace weir::maps
