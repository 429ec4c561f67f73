// Lemmas of tristate numbers and of ranges, by operation: if x is one of a's numbers, what the
// domain makes of a holds what the instruction makes of x.

#include "tests/smt/lemmas.h"

namespace weir::vm::verifier {
namespace {

// tristate numbers

template <int W>
bool raise() {
    const Tnum tnum = any_tnum<W>();
    const uint64_t member = any_number<W>(), from = any_number<W>();
    if (!tnum.contains(member) || member < from) return true;
    uint64_t number = from;
    return tnum.raise(number) && tnum.contains(number) && from <= number && number <= member;
}

template <int W>
bool lower() {
    const Tnum tnum = any_tnum<W>();
    const uint64_t member = any_number<W>(), from = any_number<W>();
    if (!tnum.contains(member) || member > from) return true;
    uint64_t number = from;
    return tnum.lower(number) && tnum.contains(number) && from >= number && number >= member;
}

template <int W>
bool tnum_sums() {
    const Tnum a = any_tnum<W>(), b = any_tnum<W>();
    const uint64_t x = any_number<W>(), y = any_number<W>();
    if (!a.contains(x) || !b.contains(y)) return true;
    return tnum_add(a, b).contains(x + y) && tnum_sub(a, b).contains(x - y);
}

template <int W>
bool tnum_joins() {
    const Tnum a = any_tnum<W>(), b = any_tnum<W>();
    const uint64_t x = any_number<W>();
    if (!a.contains(x)) return true;
    return a.join(b).contains(x) && b.join(a).contains(x) && !(b.contains(x) && a.disjoint(b)) &&
           (!b.contains(x) || a.meet(b).contains(x)) && (!a.within(b) || b.contains(x));
}

// ranges

template <int W>
bool trim() {
    Part part = any_part<W>();
    const uint64_t x = any_number<W>();
    if (!holds_in(part, x)) return true;
    return part.trim() && holds_in(part, x) && is_trimmed(part);
}

template <int W>
bool nonnegative() {
    const Range<W> a = any_range<W>();
    const uint64_t x = any_number<W>();
    if (!a.contains(x) || Range<W>::sign_extend(x) < 0) return true;
    Part part;
    return a.nonnegative(part) && holds_in(part, x) && is_trimmed(part);
}

template <int W>
bool negative() {
    const Range<W> a = any_range<W>();
    const uint64_t x = any_number<W>();
    if (!a.contains(x) || Range<W>::sign_extend(x) >= 0) return true;
    Part part;
    return a.negative(part) && holds_in(part, x) && is_trimmed(part);
}

/// The ranges of one part and of two.
template <int W>
bool of_parts() {
    const Part plus = any_part<W>(), minus = any_part<W>();
    const uint64_t x = any_number<W>();
    if (plus.low > plus.high || plus.high >= Range<W>::kSign) return true;
    if (minus.low > minus.high || minus.low < Range<W>::kSign) return true;
    const auto both = Range<W>::of(plus, minus);
    return (!holds_in(plus, x) || (both.contains(x) && Range<W>::of(plus).contains(x))) &&
           (!holds_in(minus, x) || (both.contains(x) && Range<W>::of(minus).contains(x)));
}

template <int W>
bool ranges_join() {
    const Range<W> a = any_range<W>(), b = any_range<W>();
    const uint64_t x = any_number<W>();
    return !a.contains(x) ||
           (a.join(b).contains(x) && b.join(a).contains(x) && (!a.within(b) || b.contains(x)));
}

template <int W>
bool tighten() {
    Range<W> a = any_range<W>();
    const uint64_t x = any_number<W>();
    return !a.contains(x) || (a.tighten() && a.contains(x));
}

/// With the last fact of facts.smt2, what holds of products of 64 bits: their 128 bits lie between
/// those of the ends.
template <int W>
bool modular() {
    Range<W> a = any_range<W>();
    const auto any_wide = [] { return WideUnsigned{any_u64()} << 64 | any_u64(); };
    const WideUnsigned first = any_wide(), span = any_wide(), step = any_wide();
    const uint64_t x = static_cast<uint64_t>(first + step) & Range<W>::kMask;
    if (step > span || !a.contains(x)) return true;
    a.limit_modular(static_cast<uint64_t>(first), span);
    return a.contains(x);
}

template <int W, AluOp op>
bool parts() {
    const Part a = any_part<W>(), b = any_part<W>();
    const uint64_t x = any_number<W>(), y = any_number<W>();
    if (!is_trimmed(a) || !is_trimmed(b) || !holds_in(a, x) || !holds_in(b, y)) return true;
    const uint64_t result = op == AluOp::And ? x & y : op == AluOp::Or ? x | y : x ^ y;
    return holds_in(op == AluOp::And  ? bitwise::and_parts<W>(a, b)
                    : op == AluOp::Or ? bitwise::or_parts<W>(a, b)
                                      : bitwise::xor_parts<W>(a, b),
                    result);
}

template <int W, AluOp op, Range<W> (*any)()>
bool shifted() {
    const Range<W> a = any();
    const uint64_t x = any_number<W>(), by = any_u64() & (W - 1);
    if (!a.contains(x)) return true;
    return range_ops::shift_by(op, a, by).contains(range_ops::evaluate<W>(op, x, by) &
                                                   Range<W>::kMask);
}

template <int W, AluOp op>
bool shifted_far() {
    const Range<W> a = any_range<W>();
    const Part by = any_part<W>();
    const uint64_t x = any_number<W>(), distance = any_u64() & (W - 1);
    if (!a.contains(x) || !holds_in(by, distance) || by.high >= W) return true;
    return range_ops::shift_far(op, a, by).contains(range_ops::evaluate<W>(op, x, distance) &
                                                    Range<W>::kMask);
}

template <int W, CmpOp op>
bool range_learn() {
    Range<W> a = any_range<W>(), b = any_range<W>();
    const uint64_t x = any_number<W>(), y = any_number<W>();
    if (!a.contains(x) || !b.contains(y)) return true;
    const bool holds = compares<W>(op, x, y);
    return !holds || (range_ops::learn(op, a, b) && a.contains(x) && b.contains(y));
}

/// A part loses no number that has a wanted bit.
template <int W>
bool any_of_kept() {
    Part part = any_part<W>();
    const uint64_t x = any_number<W>(), wanted = any_number<W>();
    if (!is_trimmed(part) || !holds_in(part, x) || (x & wanted) == 0) return true;
    return range_ops::keep_any_of(part, wanted) && holds_in(part, x);
}

}  // namespace
}  // namespace weir::vm::verifier

using namespace weir::vm::verifier;
#define WEIR_LEMMA_BOTH(name) WEIR_LEMMA(name##_64, name<64>) WEIR_LEMMA(name##_32, name<32>)
#define WEIR_LEMMA_OP(name, Kind, op)                \
    WEIR_LEMMA(name##_##op##_64, name<64, Kind::op>) \
    WEIR_LEMMA(name##_##op##_32, name<32, Kind::op>)
WEIR_LEMMA_BOTH(raise)
WEIR_LEMMA_BOTH(lower)
WEIR_LEMMA_BOTH(tnum_sums)
WEIR_LEMMA_BOTH(tnum_joins)
WEIR_LEMMA_BOTH(trim)
WEIR_LEMMA_BOTH(nonnegative)
WEIR_LEMMA_BOTH(negative)
WEIR_LEMMA_BOTH(of_parts)
WEIR_LEMMA_BOTH(ranges_join)
WEIR_LEMMA(tighten_16, tighten<16>)
WEIR_LEMMA_BOTH(modular)
// The views of sums and shifts do not look at each other; tnum_sums has the bits of sums.
#define WEIR_LEMMA_VIEW(name, function, op, view)                         \
    WEIR_LEMMA(name##_##op##_64, function<64, AluOp::op, any_##view<64>>) \
    WEIR_LEMMA(name##_##op##_32, function<32, AluOp::op, any_##view<32>>)
#define WEIR_LEMMA_SUM(op)                             \
    WEIR_LEMMA_VIEW(unsigned, range_alu, op, unsigned) \
    WEIR_LEMMA_VIEW(signed, range_alu, op, signed)
#define WEIR_LEMMA_SHIFT(op)                         \
    WEIR_LEMMA_VIEW(bits, shifted, op, bits)         \
    WEIR_LEMMA_VIEW(unsigned, shifted, op, unsigned) \
    WEIR_LEMMA_VIEW(signed, shifted, op, signed)
WEIR_LEMMA_SUM(Add)
WEIR_LEMMA_SUM(Sub)
WEIR_LEMMA_SHIFT(Lsh)
WEIR_LEMMA_SHIFT(Rsh)
WEIR_LEMMA_SHIFT(Arsh)
WEIR_LEMMA_OP(shifted_far, AluOp, Lsh)
WEIR_LEMMA_OP(shifted_far, AluOp, Rsh)
WEIR_LEMMA_OP(shifted_far, AluOp, Arsh)
WEIR_LEMMA_OP(parts, AluOp, And)
WEIR_LEMMA_OP(parts, AluOp, Or)
WEIR_LEMMA_OP(parts, AluOp, Xor)
WEIR_LEMMA(range_alu_And_8, range_alu<8, AluOp::And>)
WEIR_LEMMA(range_alu_Or_8, range_alu<8, AluOp::Or>)
WEIR_LEMMA(range_alu_Xor_8, range_alu<8, AluOp::Xor>)
WEIR_LEMMA_OP(range_learn, CmpOp, Eq)
WEIR_LEMMA_OP(range_learn, CmpOp, Ne)
WEIR_LEMMA_OP(range_learn, CmpOp, Gt)
WEIR_LEMMA_OP(range_learn, CmpOp, Ge)
WEIR_LEMMA_OP(range_learn, CmpOp, Sgt)
WEIR_LEMMA_OP(range_learn, CmpOp, Sge)
WEIR_LEMMA_BOTH(any_of_kept)
WEIR_LEMMA(range_learn_Set_8, range_learn<8, CmpOp::Set>)
WEIR_LEMMA_OP(range_learn, CmpOp, NotSet)
