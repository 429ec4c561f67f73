// Comparisons that the instruction in front of them does on the way.

#include "jit/insn_class.h"
#include "jit/peephole.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using vm::DecodedInsn;
using vm::Format;
using x86_cond = asmjit::x86::CondCode;

/// Of the result of a mask: is it zero? The jump may look at fewer bits than the mask left only
/// where the others are zero.
bool asks_for_zero(const DecodedInsn& mask, const DecodedInsn& jump) {
    const vm::OpInfo& info = vm::op_info(jump.op);
    if (info.format != Format::JumpImm || jump.dst != mask.dst || jump.imm != 0) return false;
    const JumpCode code = jump_code(jump.op);
    if (code != JumpCode::Eq && code != JumpCode::Ne) return false;
    return info.bits == 64 || vm::op_info(mask.op).bits == 32 || mask.imm >= 0;
}

}  // namespace

/// r1 &= N; if r1 == 0. Where r1 was for nothing else, a test; else the mask's own flags.
size_t fold_compare(Emission& e, const Window& w) {
    const DecodedInsn& mask = *w.at(0);
    const vm::OpInfo& info = vm::op_info(mask.op);
    if (info.format != Format::AluImm || alu_code(mask.op) != AluCode::And) return 0;
    const DecodedInsn* jump = w.at(1);
    if (jump == nullptr || !asks_for_zero(mask, *jump) || is_one_sided(e, w.slot() + 1)) return 0;
    const bool is_wide = info.bits == 64 && mask.imm < 0;
    const Gp reg = sized(reg64(mask.dst), is_wide ? 64 : 32);
    if (!w.is_dead_after(1, mask.dst))
        e.a.and_(reg, Imm(mask.imm));
    else if (mask.imm >= 0 && mask.imm <= UINT8_MAX)
        e.a.test(reg.r8(), Imm(mask.imm));
    else
        e.a.test(reg, Imm(mask.imm));
    const bool if_zero = jump_code(jump->op) == JumpCode::Eq;
    emit_branch(e, if_zero ? x86_cond::kE : x86_cond::kNE, w.slot() + 1);
    return 2;
}

}  // namespace weir::jit
