#pragma once
// What arithmetic makes of ranges (RFC 9669, section 4.1). Operands are tight; results of the
// single operations are not, apply() tightens them.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "vm/verifier/bitwise.h"
#include "vm/verifier/division.h"
#include "vm/verifier/range.h"
#include "vm/verifier/shifts.h"

namespace weir::vm::verifier::range_ops {

template <int W>
constexpr Range<W> add(const Range<W>& a, const Range<W>& b) {
    using R = Range<W>;
    R r;
    r.bits = tnum_add(a.bits, b.bits).masked(R::kMask);
    r.limit_modular(a.umin + b.umin, WideUnsigned{a.umax - a.umin} + WideUnsigned{b.umax - b.umin});
    const auto first = static_cast<uint64_t>(a.smin) + static_cast<uint64_t>(b.smin);
    r.limit_modular(first, WideUnsigned{R::distance(a.smin, a.smax)} + R::distance(b.smin, b.smax));
    return r;
}

template <int W>
constexpr Range<W> sub(const Range<W>& a, const Range<W>& b) {
    using R = Range<W>;
    R r;
    r.bits = tnum_sub(a.bits, b.bits).masked(R::kMask);
    r.limit_modular(a.umin - b.umax, WideUnsigned{a.umax - a.umin} + WideUnsigned{b.umax - b.umin});
    const auto first = static_cast<uint64_t>(a.smin) - static_cast<uint64_t>(b.smax);
    r.limit_modular(first, WideUnsigned{R::distance(a.smin, a.smax)} + R::distance(b.smin, b.smax));
    return r;
}

/// Adds the knowledge that a number is x * y, of a number of `a` and one of `b`: it lies between
/// the products of their ends.
template <int W>
constexpr void limit_product(Range<W>& r, const Range<W>& a, const Range<W>& b) {
    r.limit_modular(a.umin * b.umin, WideUnsigned{a.umax} * b.umax - WideUnsigned{a.umin} * b.umin);
    const Wide corners[] = {Wide{a.smin} * b.smin, Wide{a.smin} * b.smax, Wide{a.smax} * b.smin,
                            Wide{a.smax} * b.smax};
    const Wide least = std::min({corners[0], corners[1], corners[2], corners[3]});
    const Wide most = std::max({corners[0], corners[1], corners[2], corners[3]});
    r.limit_modular(static_cast<uint64_t>(least), static_cast<WideUnsigned>(most - least));
}

template <int W>
constexpr Range<W> mul(const Range<W>& a, const Range<W>& b) {
    Range<W> r;
    r.bits = tnum_mul(a.bits, b.bits, Range<W>::kMask).masked(Range<W>::kMask);
    limit_product(r, a, b);
    return r;
}

constexpr Tnum tnum_bitwise(AluOp op, Tnum a, Tnum b) {
    if (op == AluOp::And) return tnum_and(a, b);
    return op == AluOp::Or ? tnum_or(a, b) : tnum_xor(a, b);
}

/// Every x & y, x | y or x ^ y.
template <int W>
constexpr Range<W> bitwise_of(AluOp op, const Range<W>& a, const Range<W>& b) {
    if (a.is_bits() && b.is_bits()) return Range<W>::of_bits(tnum_bitwise(op, a.bits, b.bits));
    Union<W> all;
    const Signs<W> xs(a), ys(b);
    xs.for_each([&](const Part& x, bool) {
        ys.for_each([&](const Part& y, bool) {
            Part part = op == AluOp::And  ? bitwise::and_parts<W>(x, y)
                        : op == AluOp::Or ? bitwise::or_parts<W>(x, y)
                                          : bitwise::xor_parts<W>(x, y);
            part.trim();
            all.add(Range<W>::of(part));
        });
    });
    return all.range;
}

/// What the instruction computes of two numbers of W bits.
template <int W>
constexpr uint64_t evaluate(AluOp op, uint64_t a, uint64_t b) {
    using R = Range<W>;
    const uint64_t shift = b & (W - 1);
    const int64_t dividend = R::sign_extend(a), divisor = R::sign_extend(b);
    switch (op) {
        case AluOp::Add: return a + b;
        case AluOp::Sub: return a - b;
        case AluOp::Mul: return a * b;
        case AluOp::Div: return b == 0 ? 0 : a / b;
        case AluOp::Mod: return b == 0 ? a : a % b;
        case AluOp::Sdiv:  // the smallest number has no opposite
            if (divisor == -1) return -a;
            return b == 0 ? 0 : static_cast<uint64_t>(dividend / divisor);
        case AluOp::Smod:
            if (divisor == -1) return 0;
            return b == 0 ? a : static_cast<uint64_t>(dividend % divisor);
        case AluOp::And: return a & b;
        case AluOp::Or: return a | b;
        case AluOp::Xor: return a ^ b;
        case AluOp::Lsh: return a << shift;
        case AluOp::Rsh: return a >> shift;
        case AluOp::Arsh: return static_cast<uint64_t>(dividend >> shift);
    }
    return 0;
}

/// x / 1, and x % y where y is 0 or greater.
template <int W>
constexpr bool is_left_operand(AluOp op, const Range<W>& a, const Range<W>& b) {
    if (op == AluOp::Div || op == AluOp::Sdiv) return b.umin == 1 && b.umax == 1;
    if (op == AluOp::Smod) return b.umax == 0;
    return op == AluOp::Mod && (b.umax == 0 || b.umin > a.umax);
}

/// What every sum, product, … of a number of `a` and a number of `b` may be; not tight.
template <int W>
constexpr Range<W> compute(AluOp op, const Range<W>& a, const Range<W>& b) {
    if (is_left_operand(op, a, b)) return a;
    switch (op) {
        case AluOp::Add: return add(a, b);
        case AluOp::Sub: return sub(a, b);
        case AluOp::Mul: return mul(a, b);
        case AluOp::Div: return div(a, b);
        case AluOp::Mod: return mod(a, b);
        case AluOp::Sdiv: return sdiv(a, b);
        case AluOp::Smod: return smod(a, b);
        case AluOp::And:
        case AluOp::Or:
        case AluOp::Xor: return bitwise_of(op, a, b);
        case AluOp::Lsh:
        case AluOp::Rsh:
        case AluOp::Arsh: return shift(op, a, b);
    }
    return {};
}

/// The same, tight.
template <int W>
constexpr Range<W> apply(AluOp op, const Range<W>& a, const Range<W>& b) {
    Range<W> r = compute(op, a, b);
    if (!r.tighten()) return {};  // only of operands that hold no number
    return r;
}

}  // namespace weir::vm::verifier::range_ops
