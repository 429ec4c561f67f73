#include "tests/differential/aimed_facts.h"

#include <algorithm>

#include "vm/verifier/insn_shape.h"

namespace weir::tests {

using vm::verifier::AluClass;
using vm::verifier::AluOp;
using vm::verifier::CmpOp;
namespace ops = vm::verifier::scalar_ops;

Scalar after_alu(const vm::OpInfo& row, const Scalar& left, const Scalar& right) {
    if (row.format == vm::Format::ByteOrder) return vm::verifier::reordered(row, left);
    const vm::verifier::AluShape shape = vm::verifier::alu_shape(row);
    if (shape.kind == AluClass::Move) return vm::verifier::moved(row, right);
    const auto alu = [&](AluOp op, const Scalar& a, const Scalar& b) {
        return row.bits == 64 ? ops::alu_full(op, a, b) : ops::alu_half(op, a, b);
    };
    if (shape.kind == AluClass::Negate) return alu(AluOp::Sub, Scalar::constant(0), left);
    return alu(shape.op, left, right);
}

bool after_jump(const vm::OpInfo& row, bool taken, Scalar& left, Scalar& right) {
    const CmpOp op = vm::verifier::compare_op(row);
    return ops::refine(taken ? op : negated(op), row.bits == 32, left, right);
}

Scalar hull(const Scalar& a, const Scalar& b) {
    Scalar r;
    const uint64_t unknown =
        a.full.bits.mask | b.full.bits.mask | (a.full.bits.value ^ b.full.bits.value);
    r.full.bits = {a.full.bits.value & ~unknown, unknown};
    r.full.umin = std::min(a.full.umin, b.full.umin);
    r.full.umax = std::max(a.full.umax, b.full.umax);
    r.full.smin = std::min(a.full.smin, b.full.smin);
    r.full.smax = std::max(a.full.smax, b.full.smax);
    r.synchronise();
    return r;
}

}  // namespace weir::tests
