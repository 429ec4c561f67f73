#include "tests/differential/aimed_facts.h"

#include <algorithm>

namespace weir::tests {
namespace {

using vm::verifier::AluOp;
using vm::verifier::CmpOp;
namespace ops = vm::verifier::scalar_ops;

AluOp alu_op(const vm::OpInfo& row) {
    const bool is_signed = row.off == 1;
    switch (row.opcode >> 4) {
        case 0x0: return AluOp::Add;
        case 0x1: return AluOp::Sub;
        case 0x2: return AluOp::Mul;
        case 0x3: return is_signed ? AluOp::Sdiv : AluOp::Div;
        case 0x4: return AluOp::Or;
        case 0x5: return AluOp::And;
        case 0x6: return AluOp::Lsh;
        case 0x7: return AluOp::Rsh;
        case 0x9: return is_signed ? AluOp::Smod : AluOp::Mod;
        case 0xa: return AluOp::Xor;
    }
    return AluOp::Arsh;
}

CmpOp compare_op(const vm::OpInfo& row) {
    switch (row.opcode >> 4) {
        case 0x1: return CmpOp::Eq;
        case 0x2: return CmpOp::Gt;
        case 0x3: return CmpOp::Ge;
        case 0x4: return CmpOp::Set;
        case 0x5: return CmpOp::Ne;
        case 0x6: return CmpOp::Sgt;
        case 0x7: return CmpOp::Sge;
        case 0xa: return CmpOp::Lt;
        case 0xb: return CmpOp::Le;
        case 0xc: return CmpOp::Slt;
    }
    return CmpOp::Sle;
}

Scalar after_move(const vm::OpInfo& row, Scalar number) {
    if (row.off > 1) number = ops::sign_extend(number, static_cast<int>(row.off));
    return row.bits == 32 ? ops::zero_extend(number, 32) : number;
}

}  // namespace

Scalar after_alu(const vm::OpInfo& row, const Scalar& left, const Scalar& right) {
    if (row.format == vm::Format::ByteOrder)
        return row.name.starts_with("Le") ? ops::zero_extend(left, row.bits)
                                          : ops::byte_swap(left, row.bits);
    if (row.format == vm::Format::AluUnary) {
        const Scalar zero = Scalar::constant(0);
        return row.bits == 64 ? ops::alu_full(AluOp::Sub, zero, left)
                              : ops::alu_half(AluOp::Sub, zero, left);
    }
    if (row.opcode >> 4 == 0xb) return after_move(row, right);
    return row.bits == 64 ? ops::alu_full(alu_op(row), left, right)
                          : ops::alu_half(alu_op(row), left, right);
}

bool after_jump(const vm::OpInfo& row, bool taken, Scalar& left, Scalar& right) {
    const CmpOp op = compare_op(row);
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
