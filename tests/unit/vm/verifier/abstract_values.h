#pragma once
// Abstract values for the tests of the number domain, and the concrete numbers in them.

#include <algorithm>
#include <cstdint>
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

}  // namespace weir::vm::verifier
