#pragma once
// What lemmas are made of. A lemma is a function that prove.py shows to be true whatever any_u64()
// gives. Abstract values are any at all, tight or not, unless a lemma says otherwise.

#include "vm/verifier/scalar.h"

/// Defines a lemma: an instance of a template.
#ifndef WEIR_LEMMA_LINKAGE  // a control's source has them inline, so that only its own is compiled
#define WEIR_LEMMA_LINKAGE
#endif
#define WEIR_LEMMA(name, ...)                           \
    extern "C" WEIR_LEMMA_LINKAGE bool lemma_##name() { \
        return __VA_ARGS__();                           \
    }

/// Of quotients and products it takes no more than the facts of facts.smt2.
#define WEIR_LEMMA_WITH_FACTS(name, ...) WEIR_LEMMA(facts_##name, __VA_ARGS__)

extern "C" uint64_t any_u64();

namespace weir::vm::verifier {
namespace {

template <int W>
uint64_t any_number() {
    return any_u64() & Range<W>::kMask;
}

template <int W>
Tnum any_tnum() {
    const uint64_t mask = any_number<W>();
    return {any_number<W>() & ~mask, mask};
}

template <int W>
Part any_part() {
    return {any_tnum<W>(), any_number<W>(), any_number<W>()};
}

template <int W>
Range<W> any_range() {
    Range<W> range;
    range.bits = any_tnum<W>();
    range.umin = any_number<W>();
    range.umax = any_number<W>();
    range.smin = Range<W>::sign_extend(any_u64());
    range.smax = Range<W>::sign_extend(any_u64());
    return range;
}

/// Ranges of which one view is known.
template <int W>
Range<W> any_unsigned() {
    Range<W> range;
    range.umin = any_number<W>();
    range.umax = any_number<W>();
    return range;
}

template <int W>
Range<W> any_signed() {
    Range<W> range;
    range.smin = Range<W>::sign_extend(any_u64());
    range.smax = Range<W>::sign_extend(any_u64());
    return range;
}

template <int W>
Range<W> any_bits() {
    Range<W> range;
    range.bits = any_tnum<W>();
    return range;
}

template <int W>
BasicScalar<W> any_scalar() {
    BasicScalar<W> scalar;
    scalar.full = any_range<W>();
    scalar.half_umin = static_cast<uint32_t>(any_number<W / 2>());
    scalar.half_umax = static_cast<uint32_t>(any_number<W / 2>());
    scalar.half_smin = static_cast<int32_t>(Range<W / 2>::sign_extend(any_u64()));
    scalar.half_smax = static_cast<int32_t>(Range<W / 2>::sign_extend(any_u64()));
    return scalar;
}

bool holds_in(const Part& part, uint64_t number) {
    return part.bits.contains(number) && part.low <= number && number <= part.high;
}

/// The part is as trim() leaves one.
bool is_trimmed(const Part& part) {
    const uint64_t open = fill_down(part.low ^ part.high);
    return part.low <= part.high && part.bits.contains(part.low) && part.bits.contains(part.high) &&
           (part.bits.mask & ~open) == 0;
}

/// Whether the comparison holds of two numbers of W bits.
template <int W>
bool compares(CmpOp op, uint64_t x, uint64_t y) {
    const int64_t sx = Range<W>::sign_extend(x), sy = Range<W>::sign_extend(y);
    switch (op) {
        case CmpOp::Eq: return x == y;
        case CmpOp::Ne: return x != y;
        case CmpOp::Gt: return x > y;
        case CmpOp::Ge: return x >= y;
        case CmpOp::Lt: return x < y;
        case CmpOp::Le: return x <= y;
        case CmpOp::Sgt: return sx > sy;
        case CmpOp::Sge: return sx >= sy;
        case CmpOp::Slt: return sx < sy;
        case CmpOp::Sle: return sx <= sy;
        case CmpOp::Set: return (x & y) != 0;
        case CmpOp::NotSet: return (x & y) == 0;
    }
    return false;
}

/// Where the unsigned interval is one number, all of the value says so, as in what synchronise()
/// leaves.
template <int W>
bool is_told_constant(const BasicScalar<W>& scalar) {
    return !scalar.is_constant() || scalar == BasicScalar<W>::constant(scalar.full.umin);
}

/// What an operation makes of ranges holds what it makes of their numbers.
template <int W, AluOp op, Range<W> (*any)() = any_range<W>>
bool range_alu() {
    const Range<W> a = any(), b = any();
    const uint64_t x = any_number<W>(), y = any_number<W>();
    if (!a.contains(x) || !b.contains(y)) return true;
    const uint64_t result = range_ops::evaluate<W>(op, x, y) & Range<W>::kMask;
    return range_ops::compute(op, a, b).contains(result);
}

}  // namespace
}  // namespace weir::vm::verifier
