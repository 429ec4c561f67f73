#pragma once
// Instructions with random operands, for tests that walk over every row of insn.def.

#include <random>

#include "vm/isa/insn.h"

namespace weir::vm {

/// An instruction as decode() would give it: operand fields random, the others as the row fixes
/// them.
inline DecodedInsn random_insn(Op op, std::mt19937_64& random) {
    const OpInfo& row = op_info(op);
    const auto reg = [&] { return static_cast<uint8_t>(random() % kRegisterCount); };
    DecodedInsn insn{.op = op};
    const bool takes_dst = row.format != Format::Goto && row.format != Format::GotoLong &&
                           row.format != Format::MayGoto && row.format != Format::Call &&
                           row.format != Format::Exit && row.format != Format::LoadPacketAbs &&
                           row.format != Format::LoadPacketInd;
    const bool takes_src = row.format == Format::AluReg || row.format == Format::JumpReg ||
                           row.format == Format::LoadPacketInd || row.format == Format::Load ||
                           row.format == Format::StoreReg || row.format == Format::Atomic;
    const bool takes_off = row.format == Format::JumpImm || row.format == Format::JumpReg ||
                           row.format == Format::Goto || row.format == Format::MayGoto ||
                           row.format == Format::Load || row.format == Format::StoreImm ||
                           row.format == Format::StoreReg || row.format == Format::Atomic ||
                           op == Op::kCallKfunc;
    const bool takes_imm = row.format == Format::AluImm || row.format == Format::JumpImm ||
                           row.format == Format::GotoLong || row.format == Format::Call ||
                           row.format == Format::LoadImm64 || row.format == Format::LoadPacketAbs ||
                           row.format == Format::LoadPacketInd || row.format == Format::StoreImm;
    if (takes_dst) insn.dst = reg();
    insn.src = row.src != kAnyField ? static_cast<uint8_t>(row.src)
               : takes_src          ? reg()
                                    : uint8_t{0};
    insn.off = row.off != kAnyField ? static_cast<int16_t>(row.off)
               : takes_off          ? static_cast<int16_t>(random())
                                    : int16_t{0};
    insn.imm = row.imm != kAnyField ? row.imm : takes_imm ? static_cast<int32_t>(random()) : 0;
    if (row.format == Format::LoadImm64) insn.next_imm = static_cast<int32_t>(random());
    if (op == Op::kLoadImm64) insn.imm = static_cast<int64_t>(random());
    return insn;
}

}  // namespace weir::vm
