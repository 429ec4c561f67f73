#pragma once
// What is known of a number of W bits: a tnum, an unsigned and a signed interval. tighten() leaves
// each of them as small as the three together allow. A template, so that the tests can compare it
// with every concrete number at small widths.

#include <algorithm>
#include <cstdint>

#include "vm/verifier/tnum.h"

namespace weir::vm::verifier {

__extension__ using Wide = __int128;
__extension__ using WideUnsigned = unsigned __int128;

/// The numbers of `bits` from `low` to `high`. Trimmed: both ends are among them and the bits know
/// what the ends share, so that every unknown bit is 0 in one and 1 in another.
struct Part {
    Tnum bits;
    uint64_t low = 0, high = 0;

    /// False: no number is left.
    constexpr bool trim() {
        if (low > high || !bits.raise(low) || !bits.lower(high) || low > high) return false;
        bits = bits.between(low, high);
        return true;
    }
};

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

    /// high - low, which may be above the greatest signed number.
    static constexpr uint64_t distance(int64_t low, int64_t high) {
        return static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
    }

    static constexpr Range constant(uint64_t number) {
        const uint64_t low = number & kMask;
        return {Tnum::constant(low), low, low, sign_extend(low), sign_extend(low)};
    }
    static constexpr Range of_bits(Tnum bits) {
        return {bits, bits.value, bits.possible(), sign_extend(bits.value | (bits.mask & kSign)),
                sign_extend(bits.value | (bits.mask & ~kSign))};
    }
    /// The numbers of a part, which are all of one sign.
    static constexpr Range of(const Part& part) {
        return {part.bits, part.low, part.high, sign_extend(part.low), sign_extend(part.high)};
    }

    /// The numbers of two parts, from 0 up and below 0.
    static constexpr Range of(const Part& plus, const Part& minus) {
        return {plus.bits.join(minus.bits), plus.low, minus.high, sign_extend(minus.low),
                sign_extend(plus.high)};
    }

    constexpr bool is_constant() const { return umin == umax; }
    /// The intervals say no more than the bits do.
    constexpr bool is_bits() const {
        return umin == bits.value && umax == bits.possible() &&
               smin == sign_extend(bits.value | (bits.mask & kSign)) &&
               smax == sign_extend(bits.value | (bits.mask & ~kSign));
    }
    constexpr bool contains(uint64_t number) const {
        return bits.contains(number) && umin <= number && number <= umax &&
               smin <= sign_extend(number) && sign_extend(number) <= smax;
    }
    /// Every number of this, which is tight, is one of `other`.
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
    /// Adds the knowledge that the number is first, first + 1, … or first + span, modulo 2^W.
    constexpr void limit_modular(uint64_t first, WideUnsigned span) {
        if (span >= kMask) return;
        const uint64_t low = first & kMask, high = (first + static_cast<uint64_t>(span)) & kMask;
        if (low <= high) limit_unsigned(low, high);
        if (sign_extend(low) <= sign_extend(high))
            limit_signed(sign_extend(low), sign_extend(high));
    }

    /// The least range that holds every number of both.
    constexpr Range join(const Range& other) const {
        return {bits.join(other.bits), std::min(umin, other.umin), std::max(umax, other.umax),
                std::min(smin, other.smin), std::max(smax, other.smax)};
    }

    /// The numbers from 0 up, trimmed. False: there are none.
    constexpr bool nonnegative(Part& part) const {
        if (smax < 0 || (bits.value & kSign) != 0) return false;
        part = {bits.masked(kMask >> 1), std::max(umin, truncate(std::max<int64_t>(smin, 0))),
                std::min(umax, truncate(smax))};
        return part.trim();
    }
    /// The numbers below 0, trimmed. False: there are none.
    constexpr bool negative(Part& part) const {
        if (smin >= 0 || (bits.possible() & kSign) == 0) return false;
        part = {{bits.value | kSign, bits.mask & ~kSign},
                std::max(umin, truncate(smin)),
                std::min(umax, truncate(std::min<int64_t>(smax, -1)))};
        return part.trim();
    }

    /// Makes each view as small as the three together allow. False: no number is left.
    constexpr bool tighten() {
        Part plus, minus;
        const bool has_plus = nonnegative(plus), has_minus = negative(minus);
        if (has_plus && has_minus)
            *this = of(plus, minus);
        else if (has_plus || has_minus)
            *this = of(has_plus ? plus : minus);
        return has_plus || has_minus;
    }

    friend constexpr bool operator==(const Range&, const Range&) = default;
};

/// A range by its numbers' signs.
template <int W>
struct Signs {
    Part plus, minus;
    bool has_plus, has_minus;

    explicit constexpr Signs(const Range<W>& range)
        : has_plus(range.nonnegative(plus)), has_minus(range.negative(minus)) {}

    template <typename Visit>
    constexpr void for_each(const Visit& visit) const {
        if (has_plus) visit(plus, false);
        if (has_minus) visit(minus, true);
    }
};

/// Joins ranges; of none, it holds every number.
template <int W>
struct Union {
    Range<W> range;
    bool empty = true;

    constexpr void add(const Range<W>& more) {
        range = empty ? more : range.join(more);
        empty = false;
    }
};

/// Binary operations of the instruction set (RFC 9669, section 4.1).
enum class AluOp : uint8_t { Add, Sub, Mul, Div, Mod, Sdiv, Smod, And, Or, Xor, Lsh, Rsh, Arsh };

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

}  // namespace weir::vm::verifier
