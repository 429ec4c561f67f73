// Pairs of eBPF instructions that one x86 instruction does. The second must not be a jump's target.

#include "jit/emission.h"
#include "jit/insn_class.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Op;
namespace x86 = asmjit::x86;

/// r1 = r2; r1 += N: an lea.
bool fuse_move_add(Emission& e, const DecodedInsn& first, const DecodedInsn& second) {
    if (first.op != Op::kMov64Reg || second.op != Op::kAdd64Imm || second.dst != first.dst ||
        first.src == first.dst)
        return false;
    e.a.lea(reg64(first.dst), x86::ptr(reg64(first.src), static_cast<int32_t>(second.imm)));
    return true;
}

/// r1 <<= 32; r1 >>= 32: how compilers cut to 32 bits where they may not use 32-bit instructions.
bool fuse_shift_pair(Emission& e, const DecodedInsn& first, const DecodedInsn& second) {
    if (first.op != Op::kLsh64Imm || first.imm != 32 || second.imm != 32 || second.dst != first.dst)
        return false;
    const Gp dst = reg64(first.dst);
    if (second.op == Op::kRsh64Imm)
        e.a.mov(dst.r32(), dst.r32());
    else if (second.op == Op::kArsh64Imm)
        e.a.movsxd(dst, dst.r32());
    else
        return false;
    return true;
}

}  // namespace

size_t emit_fused(Emission& e, size_t slot) {
    if (slot + 1 >= e.body.function->end) return 0;
    const DecodedInsn& first = e.input.slots[slot].insn;
    if (first.op != Op::kMov64Reg && first.op != Op::kLsh64Imm && first.op != Op::kCallHelper)
        return 0;
    if (e.analysis.is_jump_target(slot + 1) || !e.input.reachable(slot + 1)) return 0;
    if (first.op == Op::kCallHelper) return emit_lookup_and_jump(e, slot);
    const DecodedInsn& second = e.input.slots[slot + 1].insn;
    return fuse_move_add(e, first, second) || fuse_shift_pair(e, first, second) ? 2 : 0;
}

}  // namespace weir::jit
