#pragma once
// What is known of a register that holds a number: a Range of its W bits and one of its lower half,
// kept in step. The program uses W = 64; the tests compare W = 8 with every concrete number.

#include <bit>
#include <cstdint>
#include <span>

#include "vm/verifier/halves.h"
#include "vm/verifier/range.h"
#include "vm/verifier/range_alu.h"
#include "vm/verifier/range_refine.h"
#include "vm/verifier/widen.h"

namespace weir::vm::verifier {

template <int W>
struct BasicScalar {
    static constexpr int kHalfBits = W / 2;
    using Full = Range<W>;
    using Half = Range<kHalfBits>;

    Full full;
    /// Bounds of the lower half; its bits are those of `full`.
    uint32_t half_umin = 0, half_umax = static_cast<uint32_t>(Half::kMask);
    int32_t half_smin = static_cast<int32_t>(Half::kMin),
            half_smax = static_cast<int32_t>(Half::kMax);

    static constexpr BasicScalar constant(uint64_t number) {
        BasicScalar scalar;
        scalar.full = Full::constant(number);
        scalar.set_half(Half::constant(number));
        return scalar;
    }
    static constexpr BasicScalar from_full(const Full& range) {
        BasicScalar scalar;
        scalar.full = range;
        if (!scalar.synchronise()) return {};  // the range was empty
        return scalar;
    }
    /// What a 32-bit operation leaves: the upper half is zero.
    static constexpr BasicScalar from_half(const Half& half) {
        Full full;
        full.bits = half.bits;
        full.limit_unsigned(half.umin, half.umax);
        BasicScalar scalar;
        scalar.set_half(half);
        scalar.full = full;
        if (!scalar.synchronise()) return {};
        return scalar;
    }
    /// Any number below 2^bit_count.
    static constexpr BasicScalar below_bits(int bit_count) {
        Full full;
        if (bit_count < W) full.limit_unsigned(0, (uint64_t{1} << bit_count) - 1);
        return from_full(full);
    }

    constexpr Half half() const {
        Half half;
        half.bits = full.bits.masked(Half::kMask);
        half.limit_unsigned(half_umin, half_umax);
        half.limit_signed(half_smin, half_smax);
        return half;
    }
    constexpr void set_half(const Half& half) {
        half_umin = static_cast<uint32_t>(half.umin);
        half_umax = static_cast<uint32_t>(half.umax);
        half_smin = static_cast<int32_t>(half.smin);
        half_smax = static_cast<int32_t>(half.smax);
    }

    constexpr bool is_constant() const { return full.is_constant(); }
    constexpr bool is_constant(uint64_t number) const {
        return full.is_constant() && full.umin == number;
    }
    constexpr bool contains(uint64_t number) const {
        return full.contains(number) && half().contains(number & Half::kMask);
    }
    constexpr bool within(const BasicScalar& other) const {
        return full.within(other.full) && half_umin >= other.half_umin &&
               half_umax <= other.half_umax && half_smin >= other.half_smin &&
               half_smax <= other.half_smax;
    }

    /// The least value of the domain that holds every number of both.
    static constexpr BasicScalar join(const BasicScalar& a, const BasicScalar& b) {
        BasicScalar joined;
        joined.full = a.full.join(b.full);
        joined.set_half(a.half().join(b.half()));
        return joined;
    }
    /// Holds every number of both. A bound that moved jumps: to the nearest of `hints` that holds
    /// (numbers that the program compares with; negative ones sign extended), else to the nearest
    /// threshold. Changes at most kWidenSteps times in a chain that starts with `old`.
    static constexpr BasicScalar widen(const BasicScalar& old, const BasicScalar& now,
                                       std::span<const uint64_t> hints = {}) {
        BasicScalar wide;
        wide.full = widening::widen(old.full, now.full, hints);
        wide.set_half(widening::widen(old.half(), now.half(), hints));
        wide.synchronise();
        return wide;
    }

    /// Makes whole and half as small as both together allow. False: no number is left.
    constexpr bool synchronise() {
        Half low = half();
        if (!reconcile(full, low)) return false;
        set_half(low);
        return true;
    }

    friend constexpr bool operator==(const BasicScalar&, const BasicScalar&) = default;
};

using Scalar = BasicScalar<64>;

namespace scalar_ops {

/// Operations whose lower half depends on nothing but the operands' lower halves.
constexpr bool is_modular(AluOp op) {
    return op == AluOp::Add || op == AluOp::Sub || op == AluOp::Mul || op == AluOp::And ||
           op == AluOp::Or || op == AluOp::Xor;
}

constexpr bool is_shift(AluOp op) {
    return op == AluOp::Lsh || op == AluOp::Rsh || op == AluOp::Arsh;
}

/// The parts of the lower half as numbers of W bits, shifted left: bits above the half fall out, or
/// are the upper half's and unknown.
template <int W>
constexpr Range<W> shift_half_left(const Range<W / 2>& half, uint64_t by) {
    Union<W> all;
    Signs<W / 2>(half).for_each([&](const Part& part, bool) {
        Range<W> r = range_ops::shift_left(Range<W>::of(part), by);
        r.tighten();
        all.add(r);
    });
    return all.range;
}

/// By a known distance. To the left only low bits count, of which the lower half knows best.
template <int W>
constexpr BasicScalar<W> shift_by(AluOp op, const BasicScalar<W>& a, uint64_t by) {
    if (by == 0) return a;
    BasicScalar<W> r;
    if (op == AluOp::Lsh && by >= W / 2) {
        r.full = shift_half_left<W>(a.half(), by);
    } else {
        r.full = range_ops::shift_by(op, a.full, by);
        if (op == AluOp::Lsh) r.set_half(range_ops::shift_left(a.half(), by));
    }
    if (!r.synchronise()) return {};
    return r;
}

template <int W>
constexpr BasicScalar<W> shift(AluOp op, const BasicScalar<W>& a, const BasicScalar<W>& b) {
    const Part by = range_ops::shift_distance<W>(b.half());
    if (by.low == by.high) return shift_by(op, a, by.low);
    if (!range_ops::are_few(by))
        return BasicScalar<W>::from_full(range_ops::shift_far(op, a.full, by));
    BasicScalar<W> r = shift_by(op, a, by.low);
    for (uint64_t distance = by.low + 1; distance <= by.high; ++distance)
        if (by.bits.contains(distance)) r = BasicScalar<W>::join(r, shift_by(op, a, distance));
    return r;
}

/// A constant added to, or taken from, a number that is small before and after: packet offsets and
/// lengths mostly. The ends move with it, and stay ends.
template <int W>
constexpr bool add_to_small(AluOp op, const BasicScalar<W>& a, const BasicScalar<W>& b,
                            BasicScalar<W>& sum) {
    constexpr int64_t kMost = Range<W / 2>::kMax;
    if (!b.is_constant() || (op != AluOp::Add && op != AluOp::Sub)) return false;
    if (a.full.smin < 0 || a.full.smax > kMost || b.full.smin < -kMost || b.full.smin > kMost)
        return false;
    const int64_t number = op == AluOp::Add ? b.full.smin : -b.full.smin;
    const int64_t low = a.full.smin + number, high = a.full.smax + number;
    if (low < 0 || high > kMost) return false;
    const auto least = static_cast<uint64_t>(low), most = static_cast<uint64_t>(high);
    const Tnum bits =
        op == AluOp::Add ? tnum_add(a.full.bits, b.full.bits) : tnum_sub(a.full.bits, b.full.bits);
    sum.full = Range<W>::of({bits.masked(Range<W>::kMask).between(least, most), least, most});
    sum.set_half({sum.full.bits, least, most, low, high});
    return true;
}

template <int W>
constexpr BasicScalar<W> alu_half(AluOp op, const BasicScalar<W>& a, const BasicScalar<W>& b) {
    if (BasicScalar<W> r; add_to_small(op, a, b, r)) return r;
    return BasicScalar<W>::from_half(range_ops::compute(op, a.half(), b.half()));
}

template <int W>
constexpr BasicScalar<W> alu_full(AluOp op, const BasicScalar<W>& a, const BasicScalar<W>& b) {
    if (a.is_constant() && b.is_constant())
        return BasicScalar<W>::constant(range_ops::evaluate<W>(op, a.full.umin, b.full.umin));
    if (is_shift(op)) return shift(op, a, b);
    if (BasicScalar<W> r; add_to_small(op, a, b, r)) return r;
    // what has the upper half cleared need not know it
    if (op == AluOp::And && b.full.umax <= Range<W / 2>::kMask) return alu_half(op, a, b);
    if (range_ops::is_left_operand(op, a.full, b.full)) return a;
    BasicScalar<W> r;
    r.full = range_ops::compute(op, a.full, b.full);
    if (is_modular(op)) r.set_half(range_ops::compute(op, a.half(), b.half()));
    if (!r.synchronise()) return {};  // only of operands that hold no number
    return r;
}

/// The low `bit_count` bits, the others zero.
template <int W>
constexpr BasicScalar<W> zero_extend(const BasicScalar<W>& a, int bit_count) {
    constexpr int kHalfBits = W / 2;
    if (bit_count >= W) return a;
    if (bit_count == kHalfBits) return BasicScalar<W>::from_half(a.half());
    const uint64_t kept = (uint64_t{1} << bit_count) - 1;
    if (bit_count < kHalfBits)
        return BasicScalar<W>::from_half(
            range_ops::compute(AluOp::And, a.half(), Range<kHalfBits>::constant(kept)));
    return alu_full(AluOp::And, a, BasicScalar<W>::constant(kept));
}

/// The numbers of V bits, their low `bit_count` bits extended to W.
template <int W, int V>
constexpr Range<W> sign_extend_range(const Range<V>& a, int bit_count) {
    const uint64_t sign = uint64_t{1} << (bit_count - 1), kept = sign | (sign - 1);
    const Part mask{Tnum::constant(kept), kept, kept};
    Union<W> all;
    const auto add = [&](Part part, uint64_t low, uint64_t high, uint64_t above) {
        part.low = std::max(part.low, low);
        part.high = std::min(part.high, high);
        if (!part.trim()) return;
        all.add(Range<W>::of(
            {{part.bits.value | above, part.bits.mask}, part.low | above, part.high | above}));
    };
    Signs<V>(a).for_each([&](const Part& part, bool) {
        const Part low = bitwise::and_parts<W>(part, mask);
        add(low, 0, sign - 1, 0);
        add(low, sign, kept, Range<W>::kMask & ~kept);
    });
    return all.range;
}

/// The low `bit_count` bits, the highest of them copied upwards.
template <int W>
constexpr BasicScalar<W> sign_extend(const BasicScalar<W>& a, int bit_count) {
    if (bit_count >= W) return a;
    const int64_t most = (int64_t{1} << (bit_count - 1)) - 1;
    if (a.full.smin >= -most - 1 && a.full.smax <= most) return a;
    if (bit_count <= W / 2) {
        BasicScalar<W> r;
        r.full = sign_extend_range<W>(a.half(), bit_count);
        if (bit_count == W / 2) r.set_half(a.half());
        if (!r.synchronise()) return {};
        return r;
    }
    return BasicScalar<W>::from_full(sign_extend_range<W>(a.full, bit_count));
}

/// The low `bit_count` bits (a multiple of 8) in reverse byte order, the others zero.
template <int W>
constexpr BasicScalar<W> byte_swap(const BasicScalar<W>& a, int bit_count) {
    const BasicScalar<W> low = zero_extend(a, bit_count);
    return BasicScalar<W>::from_full(
        Range<W>::of_bits({__builtin_bswap64(low.full.bits.value) >> (64 - bit_count),
                           __builtin_bswap64(low.full.bits.mask) >> (64 - bit_count)}));
}

/// The numbers of both; they are equal.
template <int W>
constexpr bool refine_equal(BasicScalar<W>& a, BasicScalar<W>& b) {
    auto low_a = a.half(), low_b = b.half();
    if (!range_ops::refine_equal(a.full, b.full)) return false;
    if (!range_ops::refine_equal(low_a, low_b)) return false;
    a.set_half(low_a);
    if (!a.synchronise()) return false;
    b = a;
    return true;
}

/// What a comparison of all bits says of the lower halves beyond what the whole will tell them.
template <int W>
constexpr void refine_low(CmpOp op, BasicScalar<W>& a, const BasicScalar<W>& b) {
    constexpr int kHalfBits = W / 2;
    auto low_a = a.half(), low_b = b.half();
    const bool one_upper = a.full.umin >> kHalfBits == a.full.umax >> kHalfBits &&
                           a.full.umin >> kHalfBits == b.full.umin >> kHalfBits;
    if (op == CmpOp::Ne && b.is_constant() && one_upper) range_ops::refine_unequal(low_a, low_b);
    if (op == CmpOp::Set && b.full.bits.possible() <= Range<kHalfBits>::kMask)
        range_ops::refine_set(low_a, low_b);
    a.set_half(low_a);
}

/// Adds the knowledge that `op` holds of a and b, over all bits or over the lower halves. False: it
/// cannot hold.
template <int W>
constexpr bool refine(CmpOp op, bool halves, BasicScalar<W>& a, BasicScalar<W>& b) {
    if (!halves) {
        if (op == CmpOp::Eq) return refine_equal(a, b);
        if (op == CmpOp::Ne || op == CmpOp::Set) {
            const BasicScalar<W> was_a = a;
            refine_low(op, a, b);
            refine_low(op, b, was_a);
        }
        if (!range_ops::learn(op, a.full, b.full)) return false;
        return a.synchronise() && b.synchronise();
    }
    auto low_a = a.half(), low_b = b.half();
    if (!range_ops::learn(op, low_a, low_b)) return false;
    const auto merge = [](BasicScalar<W>& scalar, const auto& low) {
        scalar.set_half(low);
        const Tnum wide{low.bits.value, low.bits.mask | ~BasicScalar<W>::Half::kMask};
        if (scalar.full.bits.disjoint(wide)) return false;
        scalar.full.bits = scalar.full.bits.meet(wide).masked(BasicScalar<W>::Full::kMask);
        return scalar.synchronise();
    };
    return merge(a, low_a) && merge(b, low_b);
}

}  // namespace scalar_ops
}  // namespace weir::vm::verifier
