#pragma once
// What a comparison that holds says of its two ranges (RFC 9669, section 4.3).

#include <algorithm>
#include <bit>
#include <cstdint>

#include "vm/verifier/range.h"

namespace weir::vm::verifier::range_ops {

template <int W>
constexpr bool refine_equal(Range<W>& a, Range<W>& b) {
    if (a.bits.disjoint(b.bits)) return false;
    a.bits = a.bits.meet(b.bits);
    a.limit_unsigned(b.umin, b.umax);
    a.limit_signed(b.smin, b.smax);
    b = a;
    return true;
}

/// Cuts a constant off the ends of the intervals; what else it might be, a range cannot say.
template <int W>
constexpr bool refine_unequal(Range<W>& a, const Range<W>& b) {
    if (!b.is_constant()) return true;
    const uint64_t number = b.umin;
    const int64_t signed_number = Range<W>::sign_extend(number);
    if (a.is_constant()) return a.umin != number;
    if (a.umin == number) ++a.umin;
    if (a.umax == number) --a.umax;
    if (a.smin == signed_number && a.smin < a.smax) ++a.smin;
    if (a.smax == signed_number && a.smin < a.smax) --a.smax;
    return true;
}

/// a > b (or a >= b when `or_equal`).
template <int W>
constexpr bool refine_above(Range<W>& a, Range<W>& b, bool or_equal) {
    const uint64_t gap = or_equal ? 0 : 1;
    if (a.umax < gap || b.umin > Range<W>::kMask - gap) return false;
    a.umin = std::max(a.umin, b.umin + gap);
    b.umax = std::min(b.umax, a.umax - gap);
    return true;
}

template <int W>
constexpr bool refine_above_signed(Range<W>& a, Range<W>& b, bool or_equal) {
    const int64_t gap = or_equal ? 0 : 1;
    if (a.smax < Range<W>::kMin + gap || b.smin > Range<W>::kMax - gap) return false;
    a.smin = std::max(a.smin, b.smin + gap);
    b.smax = std::min(b.smax, a.smax - gap);
    return true;
}

/// Moves the ends of a part to the nearest numbers that have a 1 where `wanted` has. False: none.
constexpr bool keep_any_of(Part& part, uint64_t wanted) {
    const uint64_t rising = wanted & part.bits.mask;
    if ((part.bits.possible() & wanted) == 0) return false;
    if ((part.low & wanted) == 0) {
        // no known bit is wanted, as `low` would have it; the lowest that can rise moves it least
        const uint64_t bit = rising & -rising;
        part.low = (part.low & ~(bit - 1)) | bit;
    }
    if ((part.high & wanted) == 0) {
        // an unknown 1 above a wanted bit falls, and all below rise
        const uint64_t lowest = rising & -rising;
        const uint64_t falling = part.high & part.bits.mask & ~(lowest | (lowest - 1));
        if (falling == 0) return false;
        const uint64_t bit = falling & -falling;
        part.high = (part.high & ~bit) | (part.bits.possible() & (bit - 1));
    }
    if (std::has_single_bit(rising) && (part.bits.value & wanted) == 0)
        part.bits = {part.bits.value | rising, part.bits.mask & ~rising};
    return part.trim();
}

/// (x & y) != 0 for a y of b: x has one of the bits that y may have.
template <int W>
constexpr bool refine_set(Range<W>& a, const Range<W>& b) {
    const uint64_t wanted = b.bits.possible();
    Union<W> all;
    Signs<W>(a).for_each([&](Part part, bool) {
        if (keep_any_of(part, wanted)) all.add(Range<W>::of(part));
    });
    a = all.range;
    return !all.empty;
}

template <int W>
constexpr bool refine_not_set(Range<W>& a, const Range<W>& b) {
    if ((a.bits.value & b.bits.value) != 0) return false;
    a.bits.mask &= ~b.bits.value;
    return true;
}

/// Adds the knowledge that `op` holds of a and b, without making them tight. False: it cannot hold.
template <int W>
constexpr bool learn(CmpOp op, Range<W>& a, Range<W>& b) {
    switch (op) {
        case CmpOp::Eq: return refine_equal(a, b);
        case CmpOp::Ne: return refine_unequal(a, b) && refine_unequal(b, a);
        case CmpOp::Gt: return refine_above(a, b, false);
        case CmpOp::Ge: return refine_above(a, b, true);
        case CmpOp::Lt: return refine_above(b, a, false);
        case CmpOp::Le: return refine_above(b, a, true);
        case CmpOp::Sgt: return refine_above_signed(a, b, false);
        case CmpOp::Sge: return refine_above_signed(a, b, true);
        case CmpOp::Slt: return refine_above_signed(b, a, false);
        case CmpOp::Sle: return refine_above_signed(b, a, true);
        case CmpOp::Set: return refine_set(a, b) && refine_set(b, a);
        case CmpOp::NotSet: return refine_not_set(a, b) && refine_not_set(b, a);
    }
    return true;
}

/// The same, and tight.
template <int W>
constexpr bool refine(CmpOp op, Range<W>& a, Range<W>& b) {
    return learn(op, a, b) && a.tighten() && b.tighten();
}

}  // namespace weir::vm::verifier::range_ops
