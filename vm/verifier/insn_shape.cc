#include "vm/verifier/insn_shape.h"

namespace weir::vm::verifier {

/// The operation is the opcode's upper nibble; an offset of 1 makes division signed.
AluShape alu_shape(const OpInfo& row) {
    const bool is_signed = row.off == 1;
    switch (row.opcode >> 4) {
        case 0x0: return {AluClass::Binary, AluOp::Add};
        case 0x1: return {AluClass::Binary, AluOp::Sub};
        case 0x2: return {AluClass::Binary, AluOp::Mul};
        case 0x3: return {AluClass::Binary, is_signed ? AluOp::Sdiv : AluOp::Div};
        case 0x4: return {AluClass::Binary, AluOp::Or};
        case 0x5: return {AluClass::Binary, AluOp::And};
        case 0x6: return {AluClass::Binary, AluOp::Lsh};
        case 0x7: return {AluClass::Binary, AluOp::Rsh};
        case 0x8: return {AluClass::Negate};
        case 0x9: return {AluClass::Binary, is_signed ? AluOp::Smod : AluOp::Mod};
        case 0xa: return {AluClass::Binary, AluOp::Xor};
        case 0xb: return {AluClass::Move};
        case 0xc: return {AluClass::Binary, AluOp::Arsh};
    }
    return {AluClass::Move};
}

CmpOp compare_op(const OpInfo& row) {
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

Scalar moved(const OpInfo& row, Scalar number) {
    if (row.off > 0) number = scalar_ops::sign_extend(number, static_cast<int>(row.off));
    return row.bits == 64 ? number : scalar_ops::zero_extend(number, 32);
}

Scalar reordered(const OpInfo& row, const Scalar& number) {
    const bool swaps = !row.name.starts_with("Le");  // hosts are little-endian
    return swaps ? scalar_ops::byte_swap(number, row.bits)
                 : scalar_ops::zero_extend(number, row.bits);
}

}  // namespace weir::vm::verifier
