// Jumps: compare, or test where it says the same, then branch. Flags live only inside one eBPF
// instruction.

#include <cstddef>

#include "jit/emission.h"
#include "jit/insn_class.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using x86_cond = asmjit::x86::CondCode;

x86_cond condition(JumpCode code) {
    switch (code) {
        case JumpCode::Eq: return x86_cond::kE;
        case JumpCode::Ne: return x86_cond::kNE;
        case JumpCode::Set: return x86_cond::kNE;
        case JumpCode::Gt: return x86_cond::kA;
        case JumpCode::Ge: return x86_cond::kAE;
        case JumpCode::Lt: return x86_cond::kB;
        case JumpCode::Le: return x86_cond::kBE;
        case JumpCode::Sgt: return x86_cond::kG;
        case JumpCode::Sge: return x86_cond::kGE;
        case JumpCode::Slt: return x86_cond::kL;
        case JumpCode::Sle: return x86_cond::kLE;
    }
    WEIR_CHECK(!"jump code");
    return x86_cond::kE;
}

/// A jump to an `exit` goes where that exit goes.
const asmjit::Label& branch_label(const Emission& e, int64_t target) {
    const vm::DecodedInsn& there = e.input.slots[static_cast<size_t>(target)].insn;
    return there.op == vm::Op::kExit ? e.body.exit : e.slot_label(target);
}

void emit_branch(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    e.a.j(condition(jump_code(insn.op)), branch_label(e, vm::jump_target(insn, slot).slot));
}

}  // namespace

void emit_jump_imm(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const Gp dst = sized(reg64(insn.dst), vm::op_info(insn.op).bits);
    const JumpCode code = jump_code(insn.op);
    if (code == JumpCode::Set) {
        // Immediates without sign have no bits in the upper half, so the lower is enough.
        const Gp tested = insn.imm >= 0 ? dst.r32() : dst;
        e.a.test(tested, Imm(insn.imm));
    } else if (insn.imm == 0) {
        e.a.test(dst,
                 dst);  // carry and overflow are 0 as after cmp with 0, so every condition holds
    } else {
        e.a.cmp(dst, Imm(insn.imm));
    }
    emit_branch(e, insn, slot);
}

void emit_jump_reg(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    const Gp dst = sized(reg64(insn.dst), bits), src = sized(reg64(insn.src), bits);
    if (jump_code(insn.op) == JumpCode::Set)
        e.a.test(dst, src);
    else
        e.a.cmp(dst, src);
    emit_branch(e, insn, slot);
}

void emit_goto(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const int64_t target = vm::jump_target(insn, slot).slot;
    if (target != static_cast<int64_t>(slot) + 1) e.a.jmp(branch_label(e, target));
}

/// Spent, the budget stays at zero.
void emit_may_goto(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const asmjit::x86::Mem left =
        asmjit::x86::dword_ptr(env_register(), offsetof(vm::RunEnv, may_gotos_left));
    e.a.mov(scratch_a().r32(), left);
    e.a.sub(scratch_a().r32(), Imm(1));
    e.a.jb(branch_label(e, vm::jump_target(insn, slot).slot));
    e.a.mov(left, scratch_a().r32());
}

}  // namespace weir::jit
