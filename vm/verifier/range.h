#pragma once
// What is known of a number of W bits: a tnum, an unsigned and a signed interval, each telling the
// others what it knows. A template, so that the tests can compare it with every concrete number at
// small widths.

#include <algorithm>
#include <cstdint>

#include "vm/verifier/tnum.h"

namespace weir::vm::verifier {

__extension__ using Wide = __int128;
__extension__ using WideUnsigned = unsigned __int128;

template <int W>
struct Range {
    static constexpr uint64_t kMask = ~uint64_t{0} >> (64 - W);
    static constexpr uint64_t kSign = uint64_t{1} << (W - 1);
    static constexpr int64_t kMin = -static_cast<int64_t>(kSign - 1) - 1;
    static constexpr int64_t kMax = static_cast<int64_t>(kSign - 1);

    Tnum bits{0, kMask};
    uint64_t umin = 0, umax = kMask;
    int64_t smin = kMin, smax = kMax;

    static constexpr int64_t sign_extend(uint64_t number) {
        return static_cast<int64_t>(number << (64 - W)) >> (64 - W);
    }
    static constexpr uint64_t truncate(int64_t number) {
        return static_cast<uint64_t>(number) & kMask;
    }

    static constexpr Range constant(uint64_t number) {
        const uint64_t low = number & kMask;
        return {Tnum::constant(low), low, low, sign_extend(low), sign_extend(low)};
    }

    constexpr bool is_constant() const { return umin == umax; }
    constexpr bool contains(uint64_t number) const {
        return bits.contains(number) && umin <= number && number <= umax &&
               smin <= sign_extend(number) && sign_extend(number) <= smax;
    }
    constexpr bool within(const Range& other) const {
        return bits.within(other.bits) && umin >= other.umin && umax <= other.umax &&
               smin >= other.smin && smax <= other.smax;
    }

    constexpr void limit_unsigned(uint64_t low, uint64_t high) {
        umin = std::max(umin, low);
        umax = std::min(umax, high);
    }
    constexpr void limit_signed(int64_t low, int64_t high) {
        smin = std::max(smin, low);
        smax = std::min(smax, high);
    }

    /// Adds the knowledge that the number is congruent to one of [low, high] modulo 2^W.
    constexpr void limit_modular(Wide low, Wide high) {
        if (high - low >= static_cast<Wide>(kMask)) return;
        const uint64_t first = static_cast<uint64_t>(static_cast<WideUnsigned>(low)) & kMask;
        const uint64_t last = static_cast<uint64_t>(static_cast<WideUnsigned>(high)) & kMask;
        if (first <= last) limit_unsigned(first, last);
        if (sign_extend(first) <= sign_extend(last))
            limit_signed(sign_extend(first), sign_extend(last));
    }

    /// The least range that holds every number of both.
    constexpr Range join(const Range& other) const {
        return {bits.join(other.bits), std::min(umin, other.umin), std::max(umax, other.umax),
                std::min(smin, other.smin), std::max(smax, other.smax)};
    }

    /// Lets the three views tell each other what they know. False: no number is left.
    constexpr bool tighten() {
        for (int round = 0; round < 2; ++round) {
            limit_unsigned(bits.value, bits.value | bits.mask);
            limit_signed(sign_extend(bits.value | (bits.mask & kSign)),
                         sign_extend(bits.value | (bits.mask & ~kSign)));
            if (umin > umax || smin > smax) return false;
            if (sign_extend(umin) <= sign_extend(umax))
                limit_signed(sign_extend(umin), sign_extend(umax));
            if (smin > smax) return false;
            if (truncate(smin) <= truncate(smax)) limit_unsigned(truncate(smin), truncate(smax));
            if (umin > umax) return false;
            const Tnum interval = Tnum::range(umin, umax);
            if (bits.disjoint(interval)) return false;
            bits = bits.meet(interval);
        }
        return true;
    }

    friend constexpr bool operator==(const Range&, const Range&) = default;
};

/// Binary operations of the instruction set (RFC 9669, section 4.1).
enum class AluOp : uint8_t { Add, Sub, Mul, Div, Mod, Sdiv, Smod, And, Or, Xor, Lsh, Rsh, Arsh };

namespace range_ops {

template <int W>
constexpr Range<W> add(const Range<W>& a, const Range<W>& b) {
    Range<W> r;
    r.bits = tnum_add(a.bits, b.bits).masked(Range<W>::kMask);
    r.limit_modular(Wide{a.umin} + Wide{b.umin}, Wide{a.umax} + Wide{b.umax});
    r.limit_modular(Wide{a.smin} + Wide{b.smin}, Wide{a.smax} + Wide{b.smax});
    return r;
}

template <int W>
constexpr Range<W> sub(const Range<W>& a, const Range<W>& b) {
    Range<W> r;
    r.bits = tnum_sub(a.bits, b.bits).masked(Range<W>::kMask);
    r.limit_modular(Wide{a.umin} - Wide{b.umax}, Wide{a.umax} - Wide{b.umin});
    r.limit_modular(Wide{a.smin} - Wide{b.smax}, Wide{a.smax} - Wide{b.smin});
    return r;
}

template <int W>
constexpr Range<W> mul(const Range<W>& a, const Range<W>& b) {
    Range<W> r;
    r.bits = tnum_mul(a.bits, b.bits).masked(Range<W>::kMask);
    const WideUnsigned most = WideUnsigned{a.umax} * b.umax;
    if (most <= Range<W>::kMask) r.limit_unsigned(a.umin * b.umin, static_cast<uint64_t>(most));
    const Wide corners[] = {Wide{a.smin} * b.smin, Wide{a.smin} * b.smax, Wide{a.smax} * b.smin,
                            Wide{a.smax} * b.smax};
    r.limit_modular(std::min({corners[0], corners[1], corners[2], corners[3]}),
                    std::max({corners[0], corners[1], corners[2], corners[3]}));
    return r;
}

/// x / 0 is 0.
template <int W>
constexpr Range<W> div(const Range<W>& a, const Range<W>& b) {
    if (b.umax == 0) return Range<W>::constant(0);
    Range<W> r;
    if (b.umin >= 1)
        r.limit_unsigned(a.umin / b.umax, a.umax / b.umin);
    else
        r.limit_unsigned(0, a.umax);
    return r;
}

/// x % 0 is x.
template <int W>
constexpr Range<W> mod(const Range<W>& a, const Range<W>& b) {
    if (b.umin > a.umax) return a;
    Range<W> r;
    r.limit_unsigned(0, b.umin >= 1 ? std::min(a.umax, b.umax - 1) : a.umax);
    if (b.is_constant() && std::has_single_bit(b.umin))
        r.bits = tnum_and(a.bits, Tnum::constant(b.umin - 1));
    return r;
}

/// x / 0 is 0, and the smallest number divided by -1 is itself.
template <int W>
constexpr Range<W> sdiv(const Range<W>& a, const Range<W>& b) {
    Range<W> r;
    if (!b.is_constant()) return r;
    const int64_t divisor = b.smin;
    if (divisor == 0) return Range<W>::constant(0);
    if (divisor == -1) return sub(Range<W>::constant(0), a);
    const int64_t first = a.smin / divisor, last = a.smax / divisor;
    r.limit_signed(std::min(first, last), std::max(first, last));
    return r;
}

/// x % 0 is x; the result has the sign of the dividend.
template <int W>
constexpr Range<W> smod(const Range<W>& a, const Range<W>& b) {
    Range<W> r;
    if (!b.is_constant()) return r;
    if (b.smin == 0) return a;
    const Wide magnitude = b.smin < 0 ? -Wide{b.smin} : Wide{b.smin};
    const auto most = static_cast<int64_t>(magnitude - 1);
    r.limit_signed(a.smin >= 0 ? 0 : std::max(-most, a.smin),
                   a.smax <= 0 ? 0 : std::min(most, a.smax));
    return r;
}

template <int W>
constexpr Range<W> bit_and(const Range<W>& a, const Range<W>& b) {
    if (b == Range<W>::constant(Range<W>::kMask)) return a;
    Range<W> r;
    r.bits = tnum_and(a.bits, b.bits);
    r.limit_unsigned(0, std::min(a.umax, b.umax));
    return r;
}

template <int W>
constexpr Range<W> bit_or(const Range<W>& a, const Range<W>& b) {
    if (b == Range<W>::constant(0)) return a;
    Range<W> r;
    r.bits = tnum_or(a.bits, b.bits);
    r.limit_unsigned(std::max(a.umin, b.umin), Range<W>::kMask);
    return r;
}

template <int W>
constexpr Range<W> bit_xor(const Range<W>& a, const Range<W>& b) {
    Range<W> r;
    r.bits = tnum_xor(a.bits, b.bits);
    return r;
}

/// `by` lies within [0, W): the caller has masked it, as the instructions do.
template <int W>
constexpr Range<W> shift_left(const Range<W>& a, const Range<W>& by) {
    Range<W> r;
    if (by.is_constant()) {
        r.bits = Tnum{a.bits.value << by.umin, a.bits.mask << by.umin}.masked(Range<W>::kMask);
        r.limit_modular(Wide{a.smin} * (Wide{1} << by.umin), Wide{a.smax} * (Wide{1} << by.umin));
    }
    const WideUnsigned most = WideUnsigned{a.umax} << by.umax;
    if (most <= Range<W>::kMask) r.limit_unsigned(a.umin << by.umin, static_cast<uint64_t>(most));
    return r;
}

template <int W>
constexpr Range<W> shift_right(const Range<W>& a, const Range<W>& by) {
    Range<W> r;
    if (by.is_constant()) r.bits = {a.bits.value >> by.umin, a.bits.mask >> by.umin};
    r.limit_unsigned(a.umin >> by.umax, a.umax >> by.umin);
    return r;
}

template <int W>
constexpr Range<W> shift_right_signed(const Range<W>& a, const Range<W>& by) {
    Range<W> r;
    if (by.is_constant()) {
        r.bits.mask = Range<W>::truncate(Range<W>::sign_extend(a.bits.mask) >> by.umin);
        r.bits.value =
            Range<W>::truncate(Range<W>::sign_extend(a.bits.value) >> by.umin) & ~r.bits.mask;
    }
    r.limit_signed(a.smin >> (a.smin < 0 ? by.umin : by.umax),
                   a.smax >> (a.smax < 0 ? by.umax : by.umin));
    return r;
}

/// What every sum, product, … of a number of `a` and a number of `b` may be.
template <int W>
constexpr Range<W> apply(AluOp op, const Range<W>& a, const Range<W>& b) {
    Range<W> by = bit_and(b, Range<W>::constant(W - 1));
    by.tighten();
    Range<W> r;
    switch (op) {
        case AluOp::Add: r = add(a, b); break;
        case AluOp::Sub: r = sub(a, b); break;
        case AluOp::Mul: r = mul(a, b); break;
        case AluOp::Div: r = div(a, b); break;
        case AluOp::Mod: r = mod(a, b); break;
        case AluOp::Sdiv: r = sdiv(a, b); break;
        case AluOp::Smod: r = smod(a, b); break;
        case AluOp::And: r = bit_and(a, b); break;
        case AluOp::Or: r = bit_or(a, b); break;
        case AluOp::Xor: r = bit_xor(a, b); break;
        case AluOp::Lsh: r = shift_left(a, by); break;
        case AluOp::Rsh: r = shift_right(a, by); break;
        case AluOp::Arsh: r = shift_right_signed(a, by); break;
    }
    r.tighten();
    return r;
}

}  // namespace range_ops

/// Comparisons of the conditional jumps (section 4.3). NotSet is the other way out of Set.
enum class CmpOp : uint8_t { Eq, Ne, Gt, Ge, Lt, Le, Sgt, Sge, Slt, Sle, Set, NotSet };

constexpr CmpOp negated(CmpOp op) {
    switch (op) {
        case CmpOp::Eq: return CmpOp::Ne;
        case CmpOp::Ne: return CmpOp::Eq;
        case CmpOp::Gt: return CmpOp::Le;
        case CmpOp::Ge: return CmpOp::Lt;
        case CmpOp::Lt: return CmpOp::Ge;
        case CmpOp::Le: return CmpOp::Gt;
        case CmpOp::Sgt: return CmpOp::Sle;
        case CmpOp::Sge: return CmpOp::Slt;
        case CmpOp::Slt: return CmpOp::Sge;
        case CmpOp::Sle: return CmpOp::Sgt;
        case CmpOp::Set: return CmpOp::NotSet;
        case CmpOp::NotSet: return CmpOp::Set;
    }
    return CmpOp::Eq;
}

/// The comparison that holds of (b, a) exactly when `op` holds of (a, b).
constexpr CmpOp mirrored(CmpOp op) {
    switch (op) {
        case CmpOp::Gt: return CmpOp::Lt;
        case CmpOp::Ge: return CmpOp::Le;
        case CmpOp::Lt: return CmpOp::Gt;
        case CmpOp::Le: return CmpOp::Ge;
        case CmpOp::Sgt: return CmpOp::Slt;
        case CmpOp::Sge: return CmpOp::Sle;
        case CmpOp::Slt: return CmpOp::Sgt;
        case CmpOp::Sle: return CmpOp::Sge;
        case CmpOp::Eq:
        case CmpOp::Ne:
        case CmpOp::Set:
        case CmpOp::NotSet: return op;
    }
    return op;
}

namespace range_ops {

template <int W>
constexpr bool refine_equal(Range<W>& a, Range<W>& b) {
    if (a.bits.disjoint(b.bits)) return false;
    a.bits = a.bits.meet(b.bits);
    a.limit_unsigned(b.umin, b.umax);
    a.limit_signed(b.smin, b.smax);
    if (!a.tighten()) return false;
    b = a;
    return true;
}

/// Cuts a constant off the ends of an interval.
template <int W>
constexpr bool refine_unequal(Range<W>& a, const Range<W>& b) {
    if (!b.is_constant()) return true;
    if (a.is_constant()) return a.umin != b.umin;
    if (a.umin == b.umin) ++a.umin;
    if (a.umax == b.umax) --a.umax;
    if (a.smin == b.smin && a.smin < a.smax) ++a.smin;
    if (a.smax == b.smax && a.smin < a.smax) --a.smax;
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

template <int W>
constexpr bool refine_set(Range<W>& a, const Range<W>& b) {
    if (tnum_and(a.bits, b.bits) == Tnum::constant(0)) return false;
    if (b.is_constant() && std::has_single_bit(b.umin))
        a.bits = {a.bits.value | b.umin, a.bits.mask & ~b.umin};
    return true;
}

template <int W>
constexpr bool refine_not_set(Range<W>& a, const Range<W>& b) {
    if ((a.bits.value & b.bits.value) != 0) return false;
    a.bits.mask &= ~b.bits.value;
    return true;
}

/// Adds the knowledge that `op` holds of a and b. False: it cannot hold.
template <int W>
constexpr bool refine(CmpOp op, Range<W>& a, Range<W>& b) {
    bool possible = true;
    switch (op) {
        case CmpOp::Eq: possible = refine_equal(a, b); break;
        case CmpOp::Ne: possible = refine_unequal(a, b) && refine_unequal(b, a); break;
        case CmpOp::Gt: possible = refine_above(a, b, false); break;
        case CmpOp::Ge: possible = refine_above(a, b, true); break;
        case CmpOp::Lt: possible = refine_above(b, a, false); break;
        case CmpOp::Le: possible = refine_above(b, a, true); break;
        case CmpOp::Sgt: possible = refine_above_signed(a, b, false); break;
        case CmpOp::Sge: possible = refine_above_signed(a, b, true); break;
        case CmpOp::Slt: possible = refine_above_signed(b, a, false); break;
        case CmpOp::Sle: possible = refine_above_signed(b, a, true); break;
        case CmpOp::Set: possible = refine_set(a, b) && refine_set(b, a); break;
        case CmpOp::NotSet: possible = refine_not_set(a, b) && refine_not_set(b, a); break;
    }
    return possible && a.tighten() && b.tighten();
}

}  // namespace range_ops
}  // namespace weir::vm::verifier
