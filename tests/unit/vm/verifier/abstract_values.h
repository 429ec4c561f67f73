#pragma once
// Abstract values for the tests of the number domain, and the concrete numbers in them.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "vm/verifier/scalar.h"

namespace weir::vm::verifier {

template <int W>
std::vector<uint64_t> members(const BasicScalar<W>& scalar) {
    std::vector<uint64_t> found;
    for (uint64_t number = 0; number <= Range<W>::kMask; ++number)
        if (scalar.contains(number)) found.push_back(number);
    return found;
}

/// A consistent abstract value: random constraints of every kind, tightened. Never empty.
template <int W>
BasicScalar<W> random_scalar(std::mt19937_64& random) {
    for (;;) {
        BasicScalar<W> scalar;
        const uint64_t kind = random();
        const auto pick = [&] {
            return random() & Range<W>::kMask & (random() % 2 == 0 ? ~uint64_t{0} : 0xf);
        };
        if ((kind & 1) != 0) {
            const uint64_t mask = pick() & Range<W>::kMask;
            scalar.full.bits = {pick() & ~mask, mask};
        }
        if ((kind & 2) != 0) {
            const uint64_t x = pick(), y = pick();
            scalar.full.limit_unsigned(std::min(x, y), std::max(x, y));
        }
        if ((kind & 4) != 0) {
            const int64_t x = Range<W>::sign_extend(pick()), y = Range<W>::sign_extend(pick());
            scalar.full.limit_signed(std::min(x, y), std::max(x, y));
        }
        if ((kind & 8) != 0) {
            const auto x = static_cast<uint32_t>(pick() & BasicScalar<W>::Half::kMask);
            scalar.half_umin = x / 2;
            scalar.half_umax = x;
        }
        if ((kind & 16) != 0) scalar = BasicScalar<W>::constant(pick());
        if (scalar.synchronise()) return scalar;
    }
}

/// Of all values of 4 bits every so many ($WEIR_SCALAR_STRIDE; 1 takes them all) and the constants.
inline std::vector<BasicScalar<4>> right_operands(const std::vector<BasicScalar<4>>& all) {
    const char* text = std::getenv("WEIR_SCALAR_STRIDE");
    const size_t stride = text == nullptr ? 29 : std::max(1UL, std::strtoul(text, nullptr, 10));
    std::vector<BasicScalar<4>> rights;
    for (size_t index = 0; index < all.size(); index += stride) rights.push_back(all[index]);
    for (uint64_t number = 0; number < 16; ++number)
        rights.push_back(BasicScalar<4>::constant(number));
    return rights;
}

/// Values of 8 bits from a product of telling ends and bits, every so many of it.
inline std::vector<BasicScalar<8>> systematic_values(size_t stride) {
    constexpr uint64_t kEnds[] = {0, 1, 3, 7, 8, 15, 16, 100, 127, 128, 129, 200, 240, 254, 255};
    constexpr Tnum kBits[] = {{0, 0xff},    {0, 0xf0}, {2, 0xfc},    {1, 0x7e},    {0x80, 0x7f},
                              {0x48, 0xa5}, {0, 0x11}, {0x30, 0x0f}, {0x05, 0xf8}, {0xf0, 0x0d}};
    constexpr uint64_t kHalfEnds[] = {0, 1, 6, 7, 8, 11, 15};
    struct Interval {
        uint64_t low, high;
    };
    std::vector<Interval> wholes, halves;
    for (const uint64_t low : kEnds)
        for (const uint64_t high : kEnds)
            if (low <= high) wholes.push_back({low, high});
    for (const uint64_t low : kHalfEnds)
        for (const uint64_t high : kHalfEnds)
            if (low <= high) halves.push_back({low, high});
    std::vector<BasicScalar<8>> values;
    const size_t count = wholes.size() * wholes.size() * halves.size() * halves.size();
    for (size_t index = 0; index < count * std::size(kBits); index += stride) {
        size_t rest = index;
        const auto take = [&rest](const auto& from) {
            const auto& taken = from[rest % std::size(from)];
            rest /= std::size(from);
            return taken;
        };
        BasicScalar<8> value;
        value.full.bits = take(kBits);
        const Interval whole = take(wholes), signed_whole = take(wholes);
        const Interval half = take(halves), signed_half = take(halves);
        value.full.limit_unsigned(whole.low, whole.high);
        value.full.limit_signed(static_cast<int64_t>(signed_whole.low) - 128,
                                static_cast<int64_t>(signed_whole.high) - 128);
        value.half_umin = static_cast<uint32_t>(half.low);
        value.half_umax = static_cast<uint32_t>(half.high);
        value.half_smin = static_cast<int32_t>(signed_half.low) - 8;
        value.half_smax = static_cast<int32_t>(signed_half.high) - 8;
        if (value.synchronise() && std::find(values.begin(), values.end(), value) == values.end())
            values.push_back(value);
    }
    return values;
}

}  // namespace weir::vm::verifier
