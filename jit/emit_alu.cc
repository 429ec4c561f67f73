// Arithmetic except shifts and division. 32-bit operations write 32-bit registers, and x86 then
// zeroes the upper half as eBPF asks: no masks.

#include "jit/emission.h"
#include "jit/insn_class.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
namespace x86 = asmjit::x86;

constexpr uint8_t kToLittleEndian = 0xd4;  ///< opcode of le16, le32, le64

constexpr bool is_power_of_two(uint64_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

/// add and sub of 128 are two bytes shorter the other way around, -128 being an imm8.
void emit_add(Emission& e, const Gp& dst, int64_t imm) {
    if (imm == 128)
        e.a.sub(dst, Imm(-128));
    else
        e.a.add(dst, Imm(imm));
}

void emit_sub(Emission& e, const Gp& dst, int64_t imm) {
    if (imm == 128)
        e.a.add(dst, Imm(-128));
    else
        e.a.sub(dst, Imm(imm));
}

void emit_move_reg(Emission& e, const Gp& dst, const Gp& src, uint32_t extends_bits) {
    switch (extends_bits) {
        case 0:
            if (dst.size() == 4 || dst.id() != src.id()) e.a.mov(dst, src);
            return;
        case 8: e.a.movsx(dst, src.r8()); return;
        case 16: e.a.movsx(dst, src.r16()); return;
        case 32: e.a.movsxd(dst, src.r32()); return;
    }
}

void emit_mul_imm(Emission& e, const Gp& dst, int64_t imm) {
    if (imm == 1)
        emit_move_reg(e, dst, dst, 0);
    else if (imm > 0 && is_power_of_two(static_cast<uint64_t>(imm)))
        e.a.shl(dst, Imm(__builtin_ctzll(static_cast<uint64_t>(imm))));
    else
        e.a.imul(dst, dst, Imm(imm));
}

/// A mask without sign needs only the lower half: the upper becomes zero either way.
void emit_and_imm(Emission& e, const Gp& dst, int64_t imm) {
    if (imm == 0xff)
        e.a.movzx(dst.r32(), dst.r8());
    else if (imm == 0xffff)
        e.a.movzx(dst.r32(), dst.r16());
    else if (imm >= 0)
        e.a.and_(dst.r32(), Imm(imm));
    else
        e.a.and_(dst, Imm(imm));
}

void emit_move_imm(Emission& e, const Gp& dst, int64_t imm) {
    const uint64_t value =
        dst.size() == 4 ? static_cast<uint32_t>(imm) : static_cast<uint64_t>(imm);
    emit_constant(e, dst, value);
}

}  // namespace

void emit_constant(Emission& e, const Gp& reg, uint64_t value) {
    if (value == 0)
        e.a.xor_(reg.r32(), reg.r32());
    else if (value <= UINT32_MAX)
        e.a.mov(reg.r32(), Imm(value));
    else
        e.a.mov(reg.r64(), Imm(value));
}

void emit_alu_imm(Emission& e, const vm::DecodedInsn& insn) {
    const Gp dst = sized(reg64(insn.dst), vm::op_info(insn.op).bits);
    switch (alu_code(insn.op)) {
        case AluCode::Add: return emit_add(e, dst, insn.imm);
        case AluCode::Sub: return emit_sub(e, dst, insn.imm);
        case AluCode::Mul: return emit_mul_imm(e, dst, insn.imm);
        case AluCode::Or: e.a.or_(dst, Imm(insn.imm)); return;
        case AluCode::And: return emit_and_imm(e, dst, insn.imm);
        case AluCode::Xor: e.a.xor_(dst, Imm(insn.imm)); return;
        case AluCode::Mov: return emit_move_imm(e, dst, insn.imm);
        case AluCode::Div:
        case AluCode::Mod: return emit_divide_imm(e, insn);
        case AluCode::Lsh:
        case AluCode::Rsh:
        case AluCode::Arsh: return emit_shift_imm(e, insn);
        case AluCode::Neg:
        case AluCode::End: WEIR_CHECK(!"has no immediate form");
    }
}

void emit_alu_reg(Emission& e, const vm::DecodedInsn& insn) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    const Gp dst = sized(reg64(insn.dst), bits);
    const Gp src = sized(reg64(insn.src), bits);
    switch (alu_code(insn.op)) {
        case AluCode::Add: e.a.add(dst, src); return;
        case AluCode::Sub: e.a.sub(dst, src); return;
        case AluCode::Mul: e.a.imul(dst, src); return;
        case AluCode::Or: e.a.or_(dst, src); return;
        case AluCode::And: e.a.and_(dst, src); return;
        case AluCode::Xor: e.a.xor_(dst, src); return;
        case AluCode::Mov: return emit_move_reg(e, dst, src, move_extends_bits(insn.op));
        case AluCode::Div:
        case AluCode::Mod: return emit_divide_reg(e, insn);
        case AluCode::Lsh:
        case AluCode::Rsh:
        case AluCode::Arsh: return emit_shift_reg(e, insn);
        case AluCode::Neg:
        case AluCode::End: WEIR_CHECK(!"has no register form");
    }
}

void emit_negate(Emission& e, const vm::DecodedInsn& insn) {
    e.a.neg(sized(reg64(insn.dst), vm::op_info(insn.op).bits));
}

bool swaps_bytes(vm::Op op) {
    return vm::op_info(op).opcode != kToLittleEndian;
}

void emit_byte_order(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    const Gp dst = reg64(insn.dst);
    const bool swaps = swaps_bytes(insn.op);
    const bool is_short = !e.input.facts.empty() && e.input.facts[slot].dst.most <= UINT16_MAX;
    switch (bits) {
        case 16:
            if (swaps) e.a.rol(dst.r16(), Imm(8));
            if (!is_short) e.a.movzx(dst.r32(), dst.r16());
            return;
        case 32:
            if (swaps)
                e.a.bswap(dst.r32());
            else
                e.a.mov(dst.r32(), dst.r32());
            return;
        case 64:
            if (swaps) e.a.bswap(dst);
            return;
    }
}

}  // namespace weir::jit
