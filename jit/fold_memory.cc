// Loads that become an operand of the instruction behind them.

#include "jit/insn_class.h"
#include "jit/peephole.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using vm::DecodedInsn;
using vm::Format;
using vm::Op;
namespace x86 = asmjit::x86;

bool is_plain_load(Op op) {
    return op == Op::kLoad8 || op == Op::kLoad16 || op == Op::kLoad32 || op == Op::kLoad64;
}

/// The instructions of which the lowest N bits of the result depend on the lowest N bits of the
/// operands only; 0 for others.
asmjit::InstId bitwise_instruction(AluCode code) {
    switch (code) {
        case AluCode::Add: return x86::Inst::kIdAdd;
        case AluCode::Sub: return x86::Inst::kIdSub;
        case AluCode::Or: return x86::Inst::kIdOr;
        case AluCode::And: return x86::Inst::kIdAnd;
        case AluCode::Xor: return x86::Inst::kIdXor;
        case AluCode::Mul:
        case AluCode::Div:
        case AluCode::Lsh:
        case AluCode::Rsh:
        case AluCode::Neg:
        case AluCode::Mod:
        case AluCode::Mov:
        case AluCode::Arsh:
        case AluCode::End: return x86::Inst::kIdNone;
    }
    return x86::Inst::kIdNone;
}

x86::Mem operand_of(const DecodedInsn& load) {
    return x86::ptr(reg64(load.src), load.off, vm::op_info(load.op).bits / 8u);
}

/// r1 = *p; r2 += r1 of the same width, where that is all that r1 was for.
size_t load_into_operation(Emission& e, const Window& w, const DecodedInsn& load,
                           const DecodedInsn& alu) {
    const vm::OpInfo& info = vm::op_info(alu.op);
    const asmjit::InstId instruction = bitwise_instruction(alu_code(alu.op));
    if (info.format != Format::AluReg || instruction == x86::Inst::kIdNone) return 0;
    if (info.bits != vm::op_info(load.op).bits) return 0;
    if (alu.src != load.dst || alu.dst == load.dst || !w.is_dead_after(1, load.dst)) return 0;
    e.a.emit(instruction, sized(reg64(alu.dst), info.bits), operand_of(load));
    return 2;
}

/// `store` writes where `load` read, as much.
bool goes_back(const DecodedInsn& load, const DecodedInsn& store) {
    const vm::OpInfo& info = vm::op_info(store.op);
    return info.format == Format::StoreReg && info.bits == vm::op_info(load.op).bits &&
           store.dst == load.src && store.off == load.off;
}

bool is_commutative(AluCode code) {
    return code == AluCode::Add || code == AluCode::Or || code == AluCode::And ||
           code == AluCode::Xor;
}

/// r1 = *p; r2 += r1; *p = r2, where that is all that both were for.
size_t add_to_memory(Emission& e, const Window& w, const DecodedInsn& load,
                     const DecodedInsn& alu) {
    const bool is_sum = vm::op_info(alu.op).format == Format::AluReg && alu.src == load.dst &&
                        is_commutative(alu_code(alu.op)) && alu.dst != load.src;
    if (!is_sum || !w.is_dead_after(2, load.dst) || !w.is_dead_after(2, alu.dst)) return 0;
    e.a.emit(bitwise_instruction(alu_code(alu.op)), operand_of(load),
             sized(reg64(alu.dst), vm::op_info(load.op).bits));
    return 3;
}

/// r1 = *p; r1 += r2 or N; *p = r1, where that is all that r1 was for.
size_t read_modify_write(Emission& e, const Window& w, const DecodedInsn& load,
                         const DecodedInsn& alu) {
    const DecodedInsn* store = w.at(2);
    const vm::OpInfo& info = vm::op_info(alu.op);
    const uint32_t bits = vm::op_info(load.op).bits;
    const asmjit::InstId instruction = bitwise_instruction(alu_code(alu.op));
    if (store == nullptr || instruction == x86::Inst::kIdNone || !goes_back(load, *store)) return 0;
    if (load.dst == load.src || store->src != alu.dst || info.bits < bits) return 0;
    if (alu.dst != load.dst) return add_to_memory(e, w, load, alu);
    if (!w.is_dead_after(2, load.dst)) return 0;
    if (info.format == Format::AluReg) {
        if (alu.src == load.dst) return 0;
        e.a.emit(instruction, operand_of(load), sized(reg64(alu.src), bits));
        return 3;
    }
    // A 16-bit constant behind a 16-bit prefix stalls the decoders of many processors.
    const bool is_byte = alu.imm >= INT8_MIN && alu.imm <= INT8_MAX;
    if (!is_byte && bits < 32) return 0;
    e.a.emit(instruction, operand_of(load), Imm(alu.imm));
    return 3;
}

}  // namespace

/// r1 = *p; r1 = be(r1) of the same width.
size_t fold_swapped_load(Emission& e, const Window& w) {
    const DecodedInsn& load = *w.at(0);
    const DecodedInsn* swap = w.at(1);
    if (swap == nullptr || !is_plain_load(load.op) || swap->dst != load.dst) return 0;
    const vm::OpInfo& info = vm::op_info(swap->op);
    if (info.format != Format::ByteOrder || info.bits != vm::op_info(load.op).bits) return 0;
    const Gp dst = sized(reg64(load.dst), info.bits);
    if (!swaps_bytes(swap->op) || (info.bits != 16 && !e.input.cpu.movbe)) return 0;
    if (info.bits == 16) {
        e.a.movzx(dst.r32(), operand_of(load));
        e.a.rol(dst, Imm(8));
    } else {
        e.a.movbe(dst, operand_of(load));
    }
    return 2;
}

size_t fold_operand(Emission& e, const Window& w) {
    const DecodedInsn& load = *w.at(0);
    const DecodedInsn* second = w.at(1);
    if (second == nullptr || !is_plain_load(load.op)) return 0;
    const Format format = vm::op_info(second->op).format;
    if (format != Format::AluReg && format != Format::AluImm) return 0;
    if (const size_t taken = read_modify_write(e, w, load, *second); taken != 0) return taken;
    return load_into_operation(e, w, load, *second);
}

}  // namespace weir::jit
