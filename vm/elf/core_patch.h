#pragma once
// CO-RE, last stage: writes a relocation's answer into its instruction.

#include <span>

#include "vm/elf/core_value.h"
#include "vm/isa/insn.h"
#include "vm/isa/poison.h"

namespace weir::vm::elf {

constexpr uint8_t kOpcodeLoadImm64 = op_info(Op::kLoadImm64).opcode;
constexpr uint8_t kOpcodeCall = op_info(Op::kCallHelper).opcode;

/// Puts a call of kPoisonHelper there.
void poison_insn(std::span<Insn> insns, size_t at);

/// Changes the instruction at `at`, and the second slot of a 64-bit load. True where it had to be
/// poisoned. Refuses instructions that a relocation cannot be for and values that do not fit.
Result<bool> patch_insn(std::span<Insn> insns, size_t at, const CoreChange& change);

}  // namespace weir::vm::elf
