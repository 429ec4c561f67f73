// Loads, stores and 64-bit immediates. The verifier has proven the addresses; nothing is checked
// here.

#include "jit/emission.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using vm::Op;
namespace x86 = asmjit::x86;

x86::Mem memory_operand(uint8_t base, int16_t off, uint32_t bits) {
    return x86::ptr(reg64(base), off, bits / 8);
}

bool is_sign_extending(Op op) {
    return op == Op::kLoadSx8 || op == Op::kLoadSx16 || op == Op::kLoadSx32;
}

/// kLoadMapValue: the address of a byte in the only element of a map.
void emit_map_value(Emission& e, const vm::DecodedInsn& insn, vm::Map& map) {
    const uint8_t* value = map.direct_value();
    if (value == nullptr) {
        if (e.refusal.empty())
            e.refusal = "map \"" + map.spec().name + "\" has no value to point to";
        return;
    }
    const uint64_t address =
        reinterpret_cast<uint64_t>(value) + static_cast<uint32_t>(insn.next_imm);
    emit_constant(e, reg64(insn.dst), address);
}

}  // namespace

void emit_load_from(Emission& e, const vm::DecodedInsn& load, const x86::Mem& source) {
    const uint32_t bits = vm::op_info(load.op).bits;
    const Gp dst = reg64(load.dst);
    if (is_sign_extending(load.op))
        e.a.emit(bits == 32 ? x86::Inst::kIdMovsxd : x86::Inst::kIdMovsx, dst, source);
    else if (bits < 32)
        e.a.movzx(dst.r32(), source);
    else
        e.a.mov(sized(dst, bits), source);
}

void emit_load(Emission& e, const vm::DecodedInsn& insn) {
    emit_load_from(e, insn, memory_operand(insn.src, insn.off, vm::op_info(insn.op).bits));
}

void emit_store_constant(Emission& e, const vm::DecodedInsn& store, int64_t value) {
    const uint32_t bits = vm::op_info(store.op).bits;
    const x86::Mem target = memory_operand(store.dst, store.off, bits);
    if (bits == 8)
        e.a.mov(target, Imm(static_cast<uint8_t>(value)));
    else if (bits == 16)
        e.a.mov(target, Imm(static_cast<uint16_t>(value)));
    else
        e.a.mov(target, Imm(value));
}

void emit_store_imm(Emission& e, const vm::DecodedInsn& insn) {
    emit_store_constant(e, insn, insn.imm);
}

void emit_store_reg(Emission& e, const vm::DecodedInsn& insn) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    e.a.mov(memory_operand(insn.dst, insn.off, bits), sized(reg64(insn.src), bits));
}

void emit_load_imm64(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    if (insn.op == Op::kLoadCodeAddr) return emit_load_code_address(e, insn, slot);
    if (insn.op == Op::kLoadImm64)
        return emit_constant(e, reg64(insn.dst), static_cast<uint64_t>(insn.imm));
    const auto index = static_cast<size_t>(insn.imm);
    if (index >= e.input.maps.size()) {
        if (e.refusal.empty())
            e.refusal = "map index " + std::to_string(insn.imm) + " without a map";
        return;
    }
    vm::Map& map = *e.input.maps[index];
    if (insn.op == Op::kLoadMapValue) return emit_map_value(e, insn, map);
    emit_constant(e, reg64(insn.dst), reinterpret_cast<uint64_t>(&map));
}

}  // namespace weir::jit
