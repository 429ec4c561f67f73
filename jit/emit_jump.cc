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

constexpr int kChainMax = 8;  ///< gotos that lead to gotos

/// A jump to an `exit` goes where that exit goes, a jump to a `goto` where that leads.
const asmjit::Label& branch_label(const Emission& e, int64_t target) {
    for (int i = 0; i < kChainMax; ++i) {
        const vm::DecodedInsn& there = e.input.slots[static_cast<size_t>(target)].insn;
        if (there.op == vm::Op::kExit) return e.body.exit;
        if (there.op != vm::Op::kGoto && there.op != vm::Op::kGotoLong) break;
        target = vm::jump_target(there, static_cast<size_t>(target)).slot;
    }
    return e.slot_label(target);
}

/// Conditions that hold of the lower halves as they hold of the whole, if the upper ones are zero.
bool ignores_sign(JumpCode code) {
    switch (code) {
        case JumpCode::Eq:
        case JumpCode::Ne:
        case JumpCode::Set:
        case JumpCode::Gt:
        case JumpCode::Ge:
        case JumpCode::Lt:
        case JumpCode::Le: return true;
        case JumpCode::Sgt:
        case JumpCode::Sge:
        case JumpCode::Slt:
        case JumpCode::Sle: return false;
    }
    return false;
}

/// The width to compare with `imm`: 32 bits, which takes a shorter instruction, where the verifier
/// knows that the upper half is zero.
uint32_t compared_bits(const Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    if (bits == 32 || e.input.facts.empty() || insn.imm < 0) return bits;
    const bool fits = e.input.facts[slot].dst.most <= UINT32_MAX;
    return fits && ignores_sign(jump_code(insn.op)) ? 32 : bits;
}

/// The jump that is always taken, or nothing for one that never is.
bool emit_one_sided(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    if (!is_one_sided(e, slot)) return false;
    if (e.input.facts[slot].jumps) emit_goto(e, insn, slot);
    return true;
}

}  // namespace

bool is_one_sided(const Emission& e, size_t slot) {
    if (e.input.facts.empty()) return false;
    return e.input.facts[slot].jumps != e.input.facts[slot].falls_through;
}

void emit_branch(Emission& e, x86_cond condition, size_t slot) {
    const vm::DecodedInsn& insn = e.input.slots[slot].insn;
    e.a.j(condition, branch_label(e, vm::jump_target(insn, slot).slot));
}

namespace {

void emit_compared(Emission& e, const vm::DecodedInsn& insn, size_t slot, const Gp& operand) {
    const Gp dst = sized(reg64(insn.dst), vm::op_info(insn.op).bits);
    const JumpCode code = jump_code(insn.op);
    if (code == JumpCode::Set)
        e.a.test(dst, operand);
    else
        e.a.cmp(dst, operand);
    emit_branch(e, condition(code), slot);
}

}  // namespace

void emit_jump_imm(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    if (emit_one_sided(e, insn, slot)) return;
    if (e.input.options.blind_constants) {
        const Gp operand = emit_program_operand(e, insn.imm, vm::op_info(insn.op).bits);
        return emit_compared(e, insn, slot, operand);
    }
    const Gp dst = sized(reg64(insn.dst), compared_bits(e, insn, slot));
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
    emit_branch(e, condition(code), slot);
}

void emit_jump_reg(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    if (emit_one_sided(e, insn, slot)) return;
    emit_compared(e, insn, slot, sized(reg64(insn.src), vm::op_info(insn.op).bits));
}

void emit_goto(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const int64_t target = vm::jump_target(insn, slot).slot;
    const size_t end = e.body.function->end;
    size_t next = slot + 1;
    while (next < end && !e.input.reachable(next)) ++next;
    if (target == static_cast<int64_t>(next)) return;
    const bool exits = e.input.slots[static_cast<size_t>(target)].insn.op == vm::Op::kExit;
    if (exits && (next == end || emit_short_leave(e))) return;  // behind the end is the way out
    e.a.jmp(branch_label(e, target));
}

/// Spent, the budget stays at zero.
void emit_may_goto(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const asmjit::x86::Mem left = env_field(offsetof(vm::RunEnv, may_gotos_left));
    e.a.mov(scratch_a().r32(), left);
    e.a.sub(scratch_a().r32(), Imm(1));
    e.a.jb(branch_label(e, vm::jump_target(insn, slot).slot));
    e.a.mov(left, scratch_a().r32());
}

}  // namespace weir::jit
