// Lemmas of whole instructions at 8 bits: every abstract value, not only the systematic ones that
// tests/unit takes. numbers.cc has that evaluate() is what the interpreter computes.

#include "tests/smt/lemmas.h"

namespace weir::vm::verifier {
namespace {

using Byte = BasicScalar<8>;

template <AluOp op>
bool full() {
    const Byte a = any_scalar<8>(), b = any_scalar<8>();
    const uint64_t x = any_number<8>(), y = any_number<8>();
    if (!a.contains(x) || !b.contains(y)) return true;
    return scalar_ops::alu_full(op, a, b).contains(range_ops::evaluate<8>(op, x, y) & 0xff);
}

template <AluOp op>
bool half() {
    const Byte a = any_scalar<8>(), b = any_scalar<8>();
    const uint64_t x = any_number<8>(), y = any_number<8>();
    if (!a.contains(x) || !b.contains(y)) return true;
    const uint64_t result = range_ops::evaluate<4>(op, x & 0xf, y & 0xf) & 0xf;
    return scalar_ops::alu_half(op, a, b).contains(result);
}

template <AluOp op>
bool shifted() {
    const Byte a = any_scalar<8>();
    const uint64_t x = any_number<8>(), by = any_u64() & 7;
    return !a.contains(x) ||
           scalar_ops::shift_by(op, a, by).contains(range_ops::evaluate<8>(op, x, by) & 0xff);
}

template <CmpOp op, bool halves>
bool refined() {
    Byte a = any_scalar<8>(), b = any_scalar<8>();
    const uint64_t x = any_number<8>(), y = any_number<8>();
    if (!a.contains(x) || !b.contains(y)) return true;
    const bool holds = halves ? compares<4>(op, x & 0xf, y & 0xf) : compares<8>(op, x, y);
    return !holds || (scalar_ops::refine(op, halves, a, b) && a.contains(x) && b.contains(y));
}

}  // namespace
}  // namespace weir::vm::verifier

using namespace weir::vm::verifier;
#define WEIR_LEMMA_INSN(op)                \
    WEIR_LEMMA(full_##op, full<AluOp::op>) \
    WEIR_LEMMA(half_##op, half<AluOp::op>)
#define WEIR_LEMMA_JUMP(op)                                  \
    WEIR_LEMMA(refined_full_##op, refined<CmpOp::op, false>) \
    WEIR_LEMMA(refined_half_##op, refined<CmpOp::op, true>)

WEIR_LEMMA_INSN(Add)
WEIR_LEMMA_INSN(Sub)
WEIR_LEMMA_INSN(And)
WEIR_LEMMA_INSN(Or)
WEIR_LEMMA_INSN(Xor)
WEIR_LEMMA(shifted_Lsh, shifted<AluOp::Lsh>)
WEIR_LEMMA(shifted_Rsh, shifted<AluOp::Rsh>)
WEIR_LEMMA(shifted_Arsh, shifted<AluOp::Arsh>)
WEIR_LEMMA_JUMP(Eq)
WEIR_LEMMA_JUMP(Ne)
WEIR_LEMMA_JUMP(Gt)
WEIR_LEMMA_JUMP(Ge)
WEIR_LEMMA_JUMP(Lt)
WEIR_LEMMA_JUMP(Le)
WEIR_LEMMA_JUMP(Sgt)
WEIR_LEMMA_JUMP(Sge)
WEIR_LEMMA_JUMP(Slt)
WEIR_LEMMA_JUMP(Sle)
WEIR_LEMMA_JUMP(Set)
WEIR_LEMMA_JUMP(NotSet)
