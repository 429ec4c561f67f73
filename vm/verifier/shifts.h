#pragma once
// What shifts make of ranges. The instructions mask the distance to [0, W).

#include <algorithm>
#include <bit>
#include <cstdint>

#include "vm/verifier/range.h"

namespace weir::vm::verifier::range_ops {

/// Of numbers of V bits.
template <int W, int V>
constexpr Part shift_distance(const Range<V>& by) {
    if (by.is_constant()) {
        const uint64_t distance = by.umin & (W - 1);
        return {Tnum::constant(distance), distance, distance};
    }
    Part part{by.bits.masked(W - 1), 0, W - 1};
    if (by.umax < W) part = {part.bits, by.umin, by.umax};
    part.trim();
    return part;
}

template <int W>
constexpr Range<W> shift_left(const Range<W>& a, uint64_t by) {
    using R = Range<W>;
    R r;
    r.bits = Tnum{a.bits.value << by, a.bits.mask << by}.masked(R::kMask);
    r.limit_modular(a.umin << by, WideUnsigned{a.umax - a.umin} << by);
    r.limit_modular(static_cast<uint64_t>(a.smin) << by,
                    WideUnsigned{R::distance(a.smin, a.smax)} << by);
    return r;
}

template <int W>
constexpr Range<W> shift_right(const Range<W>& a, uint64_t by) {
    Range<W> r;
    r.bits = {a.bits.value >> by, a.bits.mask >> by};
    r.limit_unsigned(a.umin >> by, a.umax >> by);
    return r;
}

/// In unsigned order too a greater number stays greater.
template <int W>
constexpr Range<W> shift_right_signed(const Range<W>& a, uint64_t by) {
    using R = Range<W>;
    const auto shifted = [by](uint64_t number) {
        return R::truncate(R::sign_extend(number) >> by);
    };
    R r;
    r.bits.mask = shifted(a.bits.mask);
    r.bits.value = shifted(a.bits.value) & ~r.bits.mask;
    r.limit_unsigned(shifted(a.umin), shifted(a.umax));
    r.limit_signed(a.smin >> by, a.smax >> by);
    return r;
}

template <int W>
constexpr Range<W> shift_by(AluOp op, const Range<W>& a, uint64_t by) {
    if (by == 0) return a;
    if (op == AluOp::Lsh) return shift_left(a, by);
    return op == AluOp::Rsh ? shift_right(a, by) : shift_right_signed(a, by);
}

/// Many distances at once: the ends, and zeros that come in from the right.
template <int W>
constexpr Range<W> shift_far(AluOp op, const Range<W>& a, const Part& by) {
    using R = Range<W>;
    R r;
    if (op == AluOp::Lsh) {
        const WideUnsigned most = WideUnsigned{a.umax} << by.high;
        if (most <= R::kMask) r.limit_unsigned(a.umin << by.low, static_cast<uint64_t>(most));
        const uint64_t lowest = a.bits.possible() & -a.bits.possible();
        r.bits.mask &= lowest == 0 ? 0 : -(lowest << by.low);
    } else if (op == AluOp::Rsh) {
        r.limit_unsigned(a.umin >> by.high, a.umax >> by.low);
    } else {
        r.limit_signed(a.smin >> (a.smin < 0 ? by.low : by.high),
                       a.smax >> (a.smax < 0 ? by.high : by.low));
    }
    return r;
}

/// So few distances that each is tried.
constexpr bool are_few(const Part& by) {
    constexpr int kFewBits = 2;
    return (by.high - by.low) >> kFewBits == 0 || std::popcount(by.bits.mask) <= kFewBits;
}

template <int W>
constexpr Range<W> shift(AluOp op, const Range<W>& a, const Range<W>& b) {
    const Part by = shift_distance<W>(b);
    if (by.low == by.high) return shift_by(op, a, by.low);
    if (!are_few(by)) return shift_far(op, a, by);
    Union<W> all;
    for (uint64_t distance = by.low; distance <= by.high; ++distance) {
        if (!by.bits.contains(distance)) continue;
        Range<W> r = shift_by(op, a, distance);
        r.tighten();
        all.add(r);
    }
    return all.range;
}

}  // namespace weir::vm::verifier::range_ops
