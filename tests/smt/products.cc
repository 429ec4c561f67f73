// Lemmas of multiplication and division. Tnums multiply bit by bit, so that a step and the early
// end are proven; the intervals of a product rest on the last fact of facts.smt2 and on the lemma
// modular in ranges.cc. Division is proven from facts.

#include "tests/smt/lemmas.h"

namespace weir::vm::verifier {
namespace {

/// x's low bits, times y, plus the next one's share: the sum stays in.
template <int W>
bool mul_step() {
    const Tnum a = any_tnum<W>(), b = any_tnum<W>(), sum = any_tnum<64>();
    const uint64_t x = any_number<W>(), y = any_number<W>(), partial = any_u64();
    const int place = static_cast<int>(any_u64() & (W - 1));
    if (!a.contains(x) || !b.contains(y) || !sum.contains(partial)) return true;
    const uint64_t share = (x >> place & 1) != 0 ? y << place : 0;
    return tnum_mul_step(sum, a, b, place).contains(partial + share);
}

/// Where the multiplication ends early, no multiple of what is to come leaves the sum.
template <int W>
bool mul_done() {
    const Tnum b = any_tnum<W>(), sum = any_tnum<64>();
    const uint64_t partial = any_u64(), rest = any_u64();
    const int place = static_cast<int>(any_u64() & (W - 1));
    const uint64_t lowest = b.possible() & -b.possible();
    const bool is_multiple = (rest & ~-(lowest << place)) == 0;
    if (!sum.contains(partial) || !is_multiple) return true;
    return !tnum_mul_is_done(sum, b, place, Range<W>::kMask) ||
           sum.masked(Range<W>::kMask).contains((partial + rest) & Range<W>::kMask);
}

// division

template <int W>
bool quotients() {
    using range_ops::Interval;
    const Interval a{any_number<W>(), any_number<W>()}, b{any_number<W>(), any_number<W>()};
    const uint64_t x = any_number<W>(), y = any_number<W>();
    if (x < a.low || x > a.high || y < b.low || y > b.high || b.low == 0) return true;
    const Interval all = range_ops::quotients(a, b);
    return all.low <= x / y && x / y <= all.high;
}

template <int W>
bool remainders() {
    using range_ops::Interval;
    const Interval a{any_number<W>(), any_number<W>()}, b{any_number<W>(), any_number<W>()};
    const uint64_t x = any_number<W>(), y = any_number<W>();
    if (x < a.low || x > a.high || y < b.low || y > b.high || b.low == 0) return true;
    const Interval all = range_ops::remainders(a, b);
    return all.low <= x % y && x % y <= all.high;
}

template <int W>
bool low_bits_kept() {
    const Tnum dividend = any_tnum<W>(), divisor = any_tnum<W>();
    const uint64_t x = any_number<W>(), y = any_number<W>();
    if (!dividend.contains(x) || !divisor.contains(y) || y == 0) return true;
    return range_ops::kept_by_remainder<W>(dividend, divisor).contains(x % y);
}

template <int W>
bool zero_dropped() {
    Part part = any_part<W>();
    const uint64_t x = any_number<W>();
    if (!holds_in(part, x)) return true;
    const bool has_others = range_ops::drop_zero(part);
    return x == 0 || (has_others && holds_in(part, x) && part.low != 0);
}

/// A number by its sign and magnitude, and back.
template <int W>
bool magnitudes() {
    const Part part = any_part<W>();
    const uint64_t x = any_number<W>();
    const bool is_negative = (any_u64() & 1) != 0;
    const bool is_one_sign = ((part.low ^ part.high) & Range<W>::kSign) == 0 &&
                             ((part.low & Range<W>::kSign) != 0) == is_negative;
    if (!holds_in(part, x) || !is_one_sign) return true;
    const auto all = range_ops::magnitudes<W>(part, is_negative);
    const uint64_t magnitude = (is_negative ? -x : x) & Range<W>::kMask;
    return all.low <= magnitude && magnitude <= all.high && all.high <= Range<W>::kSign &&
           range_ops::with_sign<W>(all, is_negative).contains(x);
}

}  // namespace
}  // namespace weir::vm::verifier

using namespace weir::vm::verifier;
WEIR_LEMMA(mul_step_64, mul_step<64>)
WEIR_LEMMA(mul_step_32, mul_step<32>)
WEIR_LEMMA(mul_done_64, mul_done<64>)
WEIR_LEMMA(mul_done_32, mul_done<32>)
#define WEIR_LEMMA_BOTH(name) WEIR_LEMMA(name##_64, name<64>) WEIR_LEMMA(name##_32, name<32>)
#define WEIR_FACTS_BOTH(name)                  \
    WEIR_LEMMA_WITH_FACTS(name##_64, name<64>) \
    WEIR_LEMMA_WITH_FACTS(name##_32, name<32>)
WEIR_LEMMA(quotients_8, quotients<8>)
WEIR_LEMMA(remainders_8, remainders<8>)
WEIR_LEMMA(low_bits_kept_8, low_bits_kept<8>)
WEIR_FACTS_BOTH(quotients)
WEIR_FACTS_BOTH(remainders)
WEIR_FACTS_BOTH(low_bits_kept)
WEIR_LEMMA_BOTH(zero_dropped)
WEIR_LEMMA_BOTH(magnitudes)
WEIR_LEMMA_WITH_FACTS(unsigned_Div_64, range_alu<64, AluOp::Div, any_unsigned<64>>)
WEIR_LEMMA_WITH_FACTS(unsigned_Mod_64, range_alu<64, AluOp::Mod, any_unsigned<64>>)
WEIR_LEMMA_WITH_FACTS(signed_Sdiv_64, range_alu<64, AluOp::Sdiv, any_signed<64>>)
WEIR_LEMMA_WITH_FACTS(signed_Smod_64, range_alu<64, AluOp::Smod, any_signed<64>>)
