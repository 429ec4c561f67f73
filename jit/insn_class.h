#pragma once
// The operation inside an opcode byte (RFC 9669, sections 4.1, 4.3 and 5.3): operand form and width
// come from op_info.

#include <cstdint>

#include "vm/isa/insn.h"

namespace weir::jit {

/// Upper four bits of an ALU opcode.
enum class AluCode : uint8_t {
    Add = 0x0,
    Sub = 0x1,
    Mul = 0x2,
    Div = 0x3,
    Or = 0x4,
    And = 0x5,
    Lsh = 0x6,
    Rsh = 0x7,
    Neg = 0x8,
    Mod = 0x9,
    Xor = 0xa,
    Mov = 0xb,
    Arsh = 0xc,
    End = 0xd,
};

/// Upper four bits of a conditional jump's opcode.
enum class JumpCode : uint8_t {
    Eq = 0x1,
    Gt = 0x2,
    Ge = 0x3,
    Set = 0x4,
    Ne = 0x5,
    Sgt = 0x6,
    Sge = 0x7,
    Lt = 0xa,
    Le = 0xb,
    Slt = 0xc,
    Sle = 0xd,
};

/// Immediate of an atomic instruction.
enum class AtomicCode : uint16_t {
    Add = 0x00,
    Or = 0x40,
    And = 0x50,
    Xor = 0xa0,
    FetchAdd = 0x01,
    FetchOr = 0x41,
    FetchAnd = 0x51,
    FetchXor = 0xa1,
    Xchg = 0xe1,
    Cmpxchg = 0xf1,
    LoadAcquire = 0x100,
    StoreRelease = 0x110,
};

inline AluCode alu_code(vm::Op op) {
    return static_cast<AluCode>(vm::op_info(op).opcode >> 4);
}
inline JumpCode jump_code(vm::Op op) {
    return static_cast<JumpCode>(vm::op_info(op).opcode >> 4);
}
inline AtomicCode atomic_code(vm::Op op) {
    return static_cast<AtomicCode>(vm::op_info(op).imm);
}

/// In division and modulo, offset 1 chooses the signed form.
inline bool is_signed_division(vm::Op op) {
    return vm::op_info(op).off == 1;
}
/// In moves, the offset is the width that is sign-extended; 0 is a plain move.
inline uint32_t move_extends_bits(vm::Op op) {
    const int64_t off = vm::op_info(op).off;
    return off == vm::kAnyField ? 0 : static_cast<uint32_t>(off);
}

}  // namespace weir::jit
