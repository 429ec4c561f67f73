#pragma once
// What division and remainder make of ranges: x / 0 is 0 and x % 0 is x; signed ones round towards
// zero, and the smallest number divided by -1 is itself. Signed division goes by the operands'
// signs and magnitudes.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "vm/verifier/range.h"

namespace weir::vm::verifier::range_ops {

/// Unsigned numbers from low to high.
struct Interval {
    uint64_t low = 0, high = 0;
};

/// Leaves zero out. False: nothing else is there.
constexpr bool drop_zero(Part& part) {
    if (part.low == 0) part.low = 1;
    return part.trim();
}

/// Divisors are not zero.
constexpr Interval quotients(Interval a, Interval b) {
    return {a.low / b.high, a.high / b.low};
}

/// If all quotients are the same, the remainder moves with the dividend.
constexpr Interval remainders(Interval a, Interval b) {
    const Interval quotient = quotients(a, b);
    if (quotient.low == quotient.high)
        return {a.low - quotient.low * b.high, a.high - quotient.low * b.low};
    return {0, std::min(a.high, b.high - 1)};
}

/// The low bits in which every divisor is 0 are the dividend's in every remainder.
template <int W>
constexpr Tnum kept_by_remainder(Tnum dividend, Tnum divisor) {
    const uint64_t lowest = divisor.possible() & -divisor.possible();
    const uint64_t kept = lowest == 0 ? Range<W>::kMask : lowest - 1;
    return {dividend.value & kept, (dividend.mask & kept) | (Range<W>::kMask & ~kept)};
}

/// The range, or what it is when the divisor is zero, which `b` may hold.
template <int W>
constexpr Range<W> unless_zero(Range<W> r, const Range<W>& b, const Range<W>& of_zero) {
    if (b.umin != 0) return r;
    return r.tighten() ? r.join(of_zero) : of_zero;
}

template <int W>
constexpr Range<W> div(const Range<W>& a, const Range<W>& b) {
    using R = Range<W>;
    Part divisor{b.bits, b.umin, b.umax};
    if (!drop_zero(divisor)) return R::constant(0);
    R r;
    const Interval quotient = quotients({a.umin, a.umax}, {divisor.low, divisor.high});
    r.limit_unsigned(quotient.low, quotient.high);
    if (divisor.bits.is_constant() && std::has_single_bit(divisor.low)) {
        const int shift = std::countr_zero(divisor.low);
        r.bits = {a.bits.value >> shift, a.bits.mask >> shift};
    }
    return unless_zero(r, b, R::constant(0));
}

template <int W>
constexpr Range<W> mod(const Range<W>& a, const Range<W>& b) {
    using R = Range<W>;
    Part divisor{b.bits, b.umin, b.umax};
    if (!drop_zero(divisor) || divisor.low > a.umax) return a;
    R r;
    const Interval rest = remainders({a.umin, a.umax}, {divisor.low, divisor.high});
    r.limit_unsigned(rest.low, rest.high);
    const uint64_t quotient = a.umin / divisor.low;
    if (divisor.bits.is_constant() && quotient == a.umax / divisor.low)
        r.bits = tnum_sub(a.bits, Tnum::constant(quotient * divisor.low)).masked(R::kMask);
    else
        r.bits = kept_by_remainder<W>(a.bits, divisor.bits);
    return unless_zero(r, b, a);
}

/// Distances from zero of a part's numbers.
template <int W>
constexpr Interval magnitudes(const Part& part, bool is_negative) {
    if (!is_negative) return {part.low, part.high};
    return {-part.high & Range<W>::kMask, -part.low & Range<W>::kMask};
}

/// The numbers of the interval (up to 2^(W-1)), negated or not.
template <int W>
constexpr Range<W> with_sign(Interval magnitude, bool is_negative) {
    Range<W> r;
    const uint64_t span = magnitude.high - magnitude.low;
    r.limit_modular(is_negative ? -magnitude.high : magnitude.low, span);
    return r;
}

template <int W>
constexpr Range<W> sdiv(const Range<W>& a, const Range<W>& b) {
    Union<W> all;
    const Signs<W> xs(a), ys(b);
    if (b.contains(0)) all.add(Range<W>::constant(0));
    xs.for_each([&](const Part& x, bool x_negative) {
        ys.for_each([&](Part y, bool y_negative) {
            if (!drop_zero(y)) return;
            Range<W> r =
                with_sign<W>(quotients(magnitudes<W>(x, x_negative), magnitudes<W>(y, y_negative)),
                             x_negative != y_negative);
            if (!x_negative && y.bits.is_constant() && std::has_single_bit(y.low) && !y_negative) {
                const int shift = std::countr_zero(y.low);
                r.bits = {x.bits.value >> shift, x.bits.mask >> shift};
            }
            r.tighten();
            all.add(r);
        });
    });
    return all.range;
}

template <int W>
constexpr Range<W> smod(const Range<W>& a, const Range<W>& b) {
    Union<W> all;
    const Signs<W> xs(a), ys(b);
    if (b.contains(0)) all.add(a);
    xs.for_each([&](const Part& x, bool x_negative) {
        ys.for_each([&](Part y, bool y_negative) {
            if (!drop_zero(y)) return;
            const Interval dividend = magnitudes<W>(x, x_negative),
                           divisor = magnitudes<W>(y, y_negative);
            Range<W> r = divisor.low > dividend.high
                             ? Range<W>::of(x)
                             : with_sign<W>(remainders(dividend, divisor), x_negative);
            if (divisor.low <= dividend.high) r.bits = kept_by_remainder<W>(x.bits, y.bits);
            r.tighten();
            all.add(r);
        });
    });
    return all.range;
}

}  // namespace weir::vm::verifier::range_ops
