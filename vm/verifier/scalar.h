#pragma once
// What is known of a register that holds a number: a Range of its W bits and one of its lower half,
// kept in step. The program uses W = 64; the tests compare W = 8 with every concrete number.

#include <bit>
#include <cstdint>
#include <span>

#include "vm/verifier/range.h"
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
        return from_full(Full::constant(number));
    }
    static constexpr BasicScalar from_full(const Full& range) {
        BasicScalar scalar;
        scalar.full = range;
        scalar.synchronise();
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
        scalar.synchronise();
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
        joined.synchronise();
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

    /// Lets whole and half tell each other what they know. False: no number is left.
    constexpr bool synchronise() {
        for (int round = 0; round < 2; ++round) {
            if (!full.tighten()) return false;
            Half low = half();
            teach_half(low);
            if (!low.tighten()) return false;
            set_half(low);
            if (!learn_from_half(low)) return false;
        }
        return full.tighten();
    }

    friend constexpr bool operator==(const BasicScalar&, const BasicScalar&) = default;

private:
    constexpr void teach_half(Half& low) const {
        if (full.umin >> kHalfBits == full.umax >> kHalfBits)
            low.limit_modular(static_cast<Wide>(full.umin & Half::kMask),
                              static_cast<Wide>(full.umax & Half::kMask));
        low.limit_modular(full.smin, full.smax);
    }
    constexpr bool learn_from_half(const Half& low) {
        const uint64_t upper = ~Half::kMask;
        if (full.bits.disjoint({low.bits.value, low.bits.mask | upper})) return false;
        full.bits = full.bits.meet({low.bits.value, low.bits.mask | upper}).masked(Full::kMask);
        full.limit_unsigned((full.umin & upper) | low.umin, (full.umax & upper) | low.umax);
        const auto signed_upper = static_cast<int64_t>(upper);
        full.limit_signed((full.smin & signed_upper) | static_cast<int64_t>(low.umin),
                          (full.smax & signed_upper) | static_cast<int64_t>(low.umax));
        if (full.smin >= Half::kMin && full.smax <= Half::kMax)
            full.limit_signed(low.smin, low.smax);
        return true;
    }
};

using Scalar = BasicScalar<64>;

namespace scalar_ops {

/// Operations whose lower half depends on nothing but the operands' lower halves.
constexpr bool is_modular(AluOp op) {
    return op == AluOp::Add || op == AluOp::Sub || op == AluOp::Mul || op == AluOp::And ||
           op == AluOp::Or || op == AluOp::Xor;
}

template <int W>
constexpr BasicScalar<W> alu_full(AluOp op, const BasicScalar<W>& a, const BasicScalar<W>& b) {
    BasicScalar<W> r;
    r.full = range_ops::apply(op, a.full, b.full);
    if (is_modular(op)) r.set_half(range_ops::apply(op, a.half(), b.half()));
    r.synchronise();
    return r;
}

template <int W>
constexpr BasicScalar<W> alu_half(AluOp op, const BasicScalar<W>& a, const BasicScalar<W>& b) {
    return BasicScalar<W>::from_half(range_ops::apply(op, a.half(), b.half()));
}

/// The low `bit_count` bits, the others zero.
template <int W>
constexpr BasicScalar<W> zero_extend(const BasicScalar<W>& a, int bit_count) {
    if (bit_count >= W) return a;
    if (bit_count == BasicScalar<W>::kHalfBits) return BasicScalar<W>::from_half(a.half());
    return alu_full(AluOp::And, a, BasicScalar<W>::constant((uint64_t{1} << bit_count) - 1));
}

/// The low `bit_count` bits, the highest of them copied upwards.
template <int W>
constexpr BasicScalar<W> sign_extend(const BasicScalar<W>& a, int bit_count) {
    if (bit_count >= W) return a;
    const int64_t most = (int64_t{1} << (bit_count - 1)) - 1;
    if (a.full.smin >= -most - 1 && a.full.smax <= most) return a;
    const auto gap = BasicScalar<W>::constant(static_cast<uint64_t>(W - bit_count));
    return alu_full(AluOp::Arsh, alu_full(AluOp::Lsh, zero_extend(a, bit_count), gap), gap);
}

/// The low `bit_count` bits (a multiple of 8) in reverse byte order, the others zero.
template <int W>
constexpr BasicScalar<W> byte_swap(const BasicScalar<W>& a, int bit_count) {
    const BasicScalar<W> low = zero_extend(a, bit_count);
    Range<W> r;
    r.bits = {__builtin_bswap64(low.full.bits.value) >> (64 - bit_count),
              __builtin_bswap64(low.full.bits.mask) >> (64 - bit_count)};
    return BasicScalar<W>::from_full(r);
}

/// Adds the knowledge that `op` holds of a and b, over all bits or over the lower halves. False: it
/// cannot hold.
template <int W>
constexpr bool refine(CmpOp op, bool halves, BasicScalar<W>& a, BasicScalar<W>& b) {
    if (!halves) {
        if (!range_ops::refine(op, a.full, b.full)) return false;
        return a.synchronise() && b.synchronise();
    }
    auto low_a = a.half(), low_b = b.half();
    if (!range_ops::refine(op, low_a, low_b)) return false;
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
