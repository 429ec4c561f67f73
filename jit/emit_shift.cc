// Shifts. eBPF takes the amount modulo the width, and so does x86 (RFC 9669, section 4.1).

#include "jit/emission.h"
#include "jit/insn_class.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
namespace x86 = asmjit::x86;

struct ShiftForms {
    asmjit::InstId by_cl_or_imm, by_register;  ///< the second is BMI2's
};

ShiftForms shift_forms(AluCode code) {
    if (code == AluCode::Lsh) return {x86::Inst::kIdShl, x86::Inst::kIdShlx};
    if (code == AluCode::Rsh) return {x86::Inst::kIdShr, x86::Inst::kIdShrx};
    return {x86::Inst::kIdSar, x86::Inst::kIdSarx};
}

/// Without BMI2 the amount must be in cl, which is r4's.
void emit_shift_by_cl(Emission& e, asmjit::InstId shift, const Gp& dst, const Gp& amount) {
    const bool amount_in_cx = amount.id() == x86::rcx.id();
    if (amount_in_cx) {
        e.a.emit(shift, dst, x86::cl);
    } else if (dst.id() == x86::rcx.id()) {
        const Gp copy = sized(scratch_c(), dst.size() * 8);
        e.a.mov(copy, dst);
        e.a.mov(x86::ecx, amount.r32());
        e.a.emit(shift, copy, x86::cl);
        e.a.mov(dst, copy);
    } else {
        e.a.mov(scratch_c(), x86::rcx);
        e.a.mov(x86::ecx, amount.r32());
        e.a.emit(shift, dst, x86::cl);
        e.a.mov(x86::rcx, scratch_c());
    }
}

}  // namespace

void emit_shift_imm(Emission& e, const vm::DecodedInsn& insn) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    const Gp dst = sized(reg64(insn.dst), bits);
    const auto amount = static_cast<uint32_t>(insn.imm) & (bits - 1);
    if (amount != 0)
        e.a.emit(shift_forms(alu_code(insn.op)).by_cl_or_imm, dst, Imm(amount));
    else if (bits == 32)
        e.a.mov(dst, dst);
}

void emit_shift_reg(Emission& e, const vm::DecodedInsn& insn) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    const Gp dst = sized(reg64(insn.dst), bits);
    const Gp amount = sized(reg64(insn.src), bits);
    const ShiftForms forms = shift_forms(alu_code(insn.op));
    if (e.input.cpu.bmi2)
        e.a.emit(forms.by_register, dst, dst, amount);
    else
        emit_shift_by_cl(e, forms.by_cl_or_imm, dst, amount);
}

}  // namespace weir::jit
