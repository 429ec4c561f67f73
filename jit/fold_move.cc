// Rules for what begins with a move or a shift.

#include "jit/insn_class.h"
#include "jit/peephole.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Format;
namespace x86 = asmjit::x86;

bool is_alu(const DecodedInsn& insn, Format format, AluCode code, uint32_t bits) {
    const vm::OpInfo& info = vm::op_info(insn.op);
    return info.format == format && info.bits == bits && alu_code(insn.op) == code;
}

bool is_plain_copy(const DecodedInsn& insn) {
    return vm::op_info(insn.op).format == Format::AluReg && alu_code(insn.op) == AluCode::Mov &&
           move_extends_bits(insn.op) == 0;
}

/// r1 = r2; r1 += N or r1 += r3: an lea. 32 bits wide, it cuts as eBPF does.
size_t copy_and_add(Emission& e, const DecodedInsn& copy, const DecodedInsn& add) {
    const uint32_t bits = vm::op_info(copy.op).bits;
    const Gp dst = sized(reg64(copy.dst), bits), src = reg64(copy.src);
    if (copy.dst == copy.src || add.dst != copy.dst) return 0;
    if (is_alu(add, Format::AluImm, AluCode::Add, bits)) {
        e.a.lea(dst, x86::ptr(src, static_cast<int32_t>(add.imm)));
        return 2;
    }
    if (!is_alu(add, Format::AluReg, AluCode::Add, bits) || add.src == copy.dst) return 0;
    e.a.lea(dst, x86::ptr(src, reg64(add.src)));
    return 2;
}

/// r1 = r2; r1 &= 0xff or 0xffff.
size_t copy_and_mask(Emission& e, const DecodedInsn& copy, const DecodedInsn& mask) {
    const bool is_mask = is_alu(mask, Format::AluImm, AluCode::And, vm::op_info(copy.op).bits);
    if (!is_mask || mask.dst != copy.dst || (mask.imm != 0xff && mask.imm != 0xffff)) return 0;
    const uint32_t bits = mask.imm == 0xff ? 8 : 16;
    e.a.movzx(reg64(copy.dst).r32(), sized(reg64(copy.src), bits));
    return 2;
}

/// r <<= N; r >>= N, logically or with the sign: dst = the lowest 64 - N bits of src. How compilers
/// cut and extend where they may not use the instructions for it.
bool emit_cut(Emission& e, uint8_t dst, uint8_t src, const DecodedInsn& up,
              const DecodedInsn& down) {
    if (up.op != vm::Op::kLsh64Imm || down.dst != up.dst || down.imm != up.imm) return false;
    if (up.imm != 32 && up.imm != 48 && up.imm != 56) return false;
    const auto bits = static_cast<uint32_t>(64 - up.imm);
    const Gp to = reg64(dst), from = sized(reg64(src), bits);
    if (down.op == vm::Op::kRsh64Imm && bits == 32)
        e.a.mov(to.r32(), from);
    else if (down.op == vm::Op::kRsh64Imm)
        e.a.movzx(to.r32(), from);
    else if (down.op == vm::Op::kArsh64Imm && bits == 32)
        e.a.movsxd(to, from);
    else if (down.op == vm::Op::kArsh64Imm)
        e.a.movsx(to, from);
    else
        return false;
    return true;
}

size_t copy_and_cut(Emission& e, const DecodedInsn& copy, const DecodedInsn& up,
                    const DecodedInsn& down) {
    if (copy.op != vm::Op::kMov64Reg || up.dst != copy.dst) return 0;
    return emit_cut(e, copy.dst, copy.src, up, down) ? 3 : 0;
}

/// r1 = N; *(base + off) = r1, where that is all that r1 was for.
size_t store_constant(Emission& e, const Window& w, const DecodedInsn& move,
                      const DecodedInsn& store) {
    const vm::OpInfo& info = vm::op_info(store.op);
    if (info.format != Format::StoreReg || store.src != move.dst || store.dst == move.dst) return 0;
    if (!w.is_dead_after(1, move.dst)) return 0;
    const bool extends_sign = vm::op_info(move.op).bits == 64;
    if (info.bits == 64 && move.imm < 0 && !extends_sign) return 0;
    emit_store_constant(e, store, move.imm);
    return 2;
}

}  // namespace

size_t fold_move(Emission& e, const Window& w) {
    const DecodedInsn& move = *w.at(0);
    if (alu_code(move.op) != AluCode::Mov) return 0;
    const DecodedInsn* second = w.at(1);
    if (second == nullptr) return 0;
    if (vm::op_info(move.op).format == Format::AluImm) return store_constant(e, w, move, *second);
    if (!is_plain_copy(move)) return 0;
    if (const size_t taken = copy_and_add(e, move, *second); taken != 0) return taken;
    if (const size_t taken = copy_and_mask(e, move, *second); taken != 0) return taken;
    const DecodedInsn* third = w.at(2);
    return third == nullptr ? 0 : copy_and_cut(e, move, *second, *third);
}

size_t fold_shift(Emission& e, const Window& w) {
    const DecodedInsn& up = *w.at(0);
    const vm::OpInfo& info = vm::op_info(up.op);
    if (info.format != Format::AluImm || alu_code(up.op) != AluCode::Lsh) return 0;
    const DecodedInsn* second = w.at(1);
    if (second == nullptr || second->dst != up.dst) return 0;
    if (emit_cut(e, up.dst, up.dst, up, *second)) return 2;
    // r1 <<= 1, 2 or 3; r1 += r2: an lea.
    const bool scales = up.imm >= 1 && up.imm <= 3;
    if (!scales || !is_alu(*second, Format::AluReg, AluCode::Add, info.bits)) return 0;
    if (second->src == up.dst) return 0;
    e.a.lea(sized(reg64(up.dst), info.bits),
            x86::ptr(reg64(second->src), reg64(up.dst), static_cast<uint32_t>(up.imm)));
    return 2;
}

}  // namespace weir::jit
