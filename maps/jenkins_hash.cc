#include "maps/jenkins_hash.h"

#include <bit>
#include <cstring>

namespace weir::maps {
namespace {

constexpr uint32_t kStart = 0xdeadbeef;
constexpr size_t kBlockBytes = 12;

struct State {
    uint32_t a, b, c;

    void mix() {
        a -= c, a ^= std::rotl(c, 4), c += b;
        b -= a, b ^= std::rotl(a, 6), a += c;
        c -= b, c ^= std::rotl(b, 8), b += a;
        a -= c, a ^= std::rotl(c, 16), c += b;
        b -= a, b ^= std::rotl(a, 19), a += c;
        c -= b, c ^= std::rotl(b, 4), b += a;
    }
    void finish() {
        c ^= b, c -= std::rotl(b, 14);
        a ^= c, a -= std::rotl(c, 11);
        b ^= a, b -= std::rotl(a, 25);
        c ^= b, c -= std::rotl(b, 16);
        a ^= c, a -= std::rotl(c, 4);
        b ^= a, b -= std::rotl(a, 14);
        c ^= b, c -= std::rotl(b, 24);
    }
    /// Up to 12 bytes, zeroes behind them.
    void add(const uint8_t* bytes, size_t count) {
        uint32_t words[3] = {0, 0, 0};
        std::memcpy(words, bytes, count);
        a += words[0];
        b += words[1];
        c += words[2];
    }
};

}  // namespace

uint32_t jenkins_hash(const uint8_t* bytes, size_t count, uint32_t seed) {
    const uint32_t start = kStart + static_cast<uint32_t>(count) + seed;
    State state{start, start, start};
    for (; count > kBlockBytes; count -= kBlockBytes, bytes += kBlockBytes) {
        state.add(bytes, kBlockBytes);
        state.mix();
    }
    if (count == 0) return state.c;
    state.add(bytes, count);
    state.finish();
    return state.c;
}

}  // namespace weir::maps
