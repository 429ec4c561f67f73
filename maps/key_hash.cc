#include "maps/key_hash.h"

#include <sys/random.h>

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
    return of(hash.secret_);
}

KeyHash KeyHash::of(const std::array<uint64_t, 4>& secrets) {
    KeyHash hash;
    hash.secret_ = secrets;
    // Factors that stand alone must not be even: that would lose bits of the other one.
    hash.secret_[1] |= 1;
    hash.secret_[3] |= 1;
    return hash;
}

}  // namespace weir::maps
