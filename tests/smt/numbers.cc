// Lemmas of numbers, whose whole and half tell each other what they know, and that evaluating two
// constants gives what the interpreter gives.

#include "tests/smt/lemmas.h"
#include "vm/interp/arithmetic.h"

namespace weir::vm::verifier {
namespace {

template <int W>
HalfPairs<W> any_pairs() {
    HalfPairs<W> pairs{any_tnum<W / 2>(), Signs<W / 2>(Range<W / 2>{})};
    pairs.lower.plus = any_part<W / 2>();
    pairs.lower.minus = any_part<W / 2>();
    pairs.lower.has_plus = (any_u64() & 1) != 0;
    pairs.lower.has_minus = (any_u64() & 1) != 0;
    return pairs;
}

/// The parts are trimmed and of their signs, and x is one of the pairs.
template <int W>
bool is_pair(const HalfPairs<W>& pairs, uint64_t x) {
    constexpr uint64_t kSign = Range<W / 2>::kSign;
    const auto& lower = pairs.lower;
    const uint64_t low = x & pairs.kLow;
    return is_trimmed(lower.plus) && is_trimmed(lower.minus) && lower.plus.high < kSign &&
           lower.minus.low >= kSign && pairs.upper.contains(x >> W / 2) &&
           ((lower.has_plus && holds_in(lower.plus, low)) ||
            (lower.has_minus && holds_in(lower.minus, low)));
}

template <int W>
bool pairs_raise() {
    const HalfPairs<W> pairs = any_pairs<W>();
    const uint64_t x = any_number<W>(), from = any_number<W>();
    if (!is_pair(pairs, x) || x < from) return true;
    uint64_t number = from;
    return pairs.raise(number) && from <= number && number <= x;
}

template <int W>
bool pairs_lower() {
    const HalfPairs<W> pairs = any_pairs<W>();
    const uint64_t x = any_number<W>(), from = any_number<W>();
    if (!is_pair(pairs, x) || x > from) return true;
    uint64_t number = from;
    return pairs.lower_to(number) && from >= number && number >= x;
}

/// What is taken is held, and what was held still is.
template <int W>
bool taken() {
    const HalfPairs<W> pairs = any_pairs<W>();
    const uint64_t x = any_number<W>(), least = any_number<W>(), most = any_number<W>();
    const uint64_t sign = Range<W>::kSign;
    if (!is_pair(pairs, x) || x < least || x > most || (least & sign) != (most & sign)) return true;
    Reconciled<W> both;
    both.take(pairs, least, most);
    Range<W> whole = both.whole.range;
    whole.bits.mask |= pairs.kLow;
    return !both.whole.empty && whole.contains(x) && both.low.range.contains(x & pairs.kLow);
}

/// Adding to a union drops nothing.
template <int W>
bool unions() {
    Union<W> all{any_range<W>(), (any_u64() & 1) != 0};
    const Union<W> before = all;
    const Range<W> more = any_range<W>();
    const uint64_t x = any_number<W>();
    all.add(more);
    return !all.empty && (!more.contains(x) || all.range.contains(x)) &&
           (before.empty || !before.range.contains(x) || all.range.contains(x));
}

template <int W>
bool reconcile() {
    BasicScalar<W> a = any_scalar<W>();
    const uint64_t x = any_number<W>();
    return !a.contains(x) || (a.synchronise() && a.contains(x) && is_told_constant(a));
}

bool add_to_small() {
    const Scalar a = any_scalar<64>(), b = any_scalar<64>();
    const uint64_t x = any_u64(), y = any_u64();
    if (!a.contains(x) || !b.contains(y) || !is_told_constant(b)) return true;
    Scalar sum, difference;
    return (!scalar_ops::add_to_small(AluOp::Add, a, b, sum) || sum.contains(x + y)) &&
           (!scalar_ops::add_to_small(AluOp::Sub, a, b, difference) || difference.contains(x - y));
}

bool join() {
    const Scalar a = any_scalar<64>(), b = any_scalar<64>();
    const uint64_t x = any_u64();
    if (!a.contains(x)) return true;
    return Scalar::join(a, b).contains(x) && Scalar::join(b, a).contains(x);
}

bool widen() {
    const Scalar a = any_scalar<64>(), b = any_scalar<64>();
    const uint64_t x = any_u64();
    if (!a.contains(x) && !b.contains(x)) return true;
    Scalar wide;
    wide.full = widening::widen(a.full, b.full, {});
    wide.set_half(widening::widen(a.half(), b.half(), {}));
    return wide.contains(x);
}

bool within() {
    const Scalar a = any_scalar<64>(), b = any_scalar<64>();
    const uint64_t x = any_u64();
    return !a.contains(x) || !a.within(b) || b.contains(x);
}

template <int bits>
bool sign_extended() {
    const Scalar a = any_scalar<64>();
    const uint64_t x = any_u64();
    if (!a.contains(x)) return true;
    const uint64_t sign = uint64_t{1} << (bits - 1), low = x & (sign | (sign - 1));
    return scalar_ops::sign_extend(a, bits).contains((low ^ sign) - sign);
}

template <AluOp op, Op insn>
bool evaluated_64() {
    const uint64_t x = any_u64(), y = any_u64();
    return range_ops::evaluate<64>(op, x, y) == arithmetic<insn>(x, y);
}

template <AluOp op, Op insn>
bool evaluated_32() {
    const auto x = static_cast<uint32_t>(any_u64()), y = static_cast<uint32_t>(any_u64());
    return (range_ops::evaluate<32>(op, x, y) & 0xffffffff) == arithmetic<insn>(x, y);
}

template <int bits, Op insn>
bool byte_swapped() {
    const Scalar a = any_scalar<64>();
    const uint64_t x = any_u64();
    return !a.contains(x) || scalar_ops::byte_swap(a, bits).contains(swap_bytes<insn>(x));
}

}  // namespace
}  // namespace weir::vm::verifier

using namespace weir::vm::verifier;
using weir::vm::Op;
WEIR_LEMMA(pairs_raise_64, pairs_raise<64>)
WEIR_LEMMA(pairs_lower_64, pairs_lower<64>)
WEIR_LEMMA(taken_64, taken<64>)
WEIR_LEMMA(unions_64, unions<64>)
WEIR_LEMMA(reconcile_8, reconcile<8>)
WEIR_LEMMA(reconcile_16, reconcile<16>)
WEIR_LEMMA(add_to_small_64, add_to_small)
WEIR_LEMMA(join_64, join)
WEIR_LEMMA(widen_64, widen)
WEIR_LEMMA(within_64, within)
WEIR_LEMMA(sign_extended_8, sign_extended<8>)
WEIR_LEMMA(sign_extended_16, sign_extended<16>)
WEIR_LEMMA(sign_extended_32, sign_extended<32>)
WEIR_LEMMA(byte_swapped_16, byte_swapped<16, Op::kBswap16>)
WEIR_LEMMA(byte_swapped_32, byte_swapped<32, Op::kBswap32>)
WEIR_LEMMA(byte_swapped_64, byte_swapped<64, Op::kBswap64>)
#define WEIR_LEMMA_INSN(op)                                                    \
    WEIR_LEMMA(evaluated_##op##_64, evaluated_64<AluOp::op, Op::k##op##64Reg>) \
    WEIR_LEMMA(evaluated_##op##_32, evaluated_32<AluOp::op, Op::k##op##32Reg>)
WEIR_LEMMA_INSN(Add)
WEIR_LEMMA_INSN(Sub)
WEIR_LEMMA_INSN(Mul)
WEIR_LEMMA_INSN(Div)
WEIR_LEMMA_INSN(Mod)
WEIR_LEMMA_INSN(Sdiv)
WEIR_LEMMA_INSN(Smod)
WEIR_LEMMA_INSN(And)
WEIR_LEMMA_INSN(Or)
WEIR_LEMMA_INSN(Xor)
WEIR_LEMMA_INSN(Lsh)
WEIR_LEMMA_INSN(Rsh)
WEIR_LEMMA_INSN(Arsh)
