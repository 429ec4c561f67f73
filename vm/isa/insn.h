#pragma once
// The instruction set: RFC 9669 and Linux's additions, as one table (insn.def). Decoding gives each
// instruction one name (Op); the interpreter, the verifier and the JIT switch over it without
// `default`.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/result.h"

namespace weir::vm {

/// One eBPF instruction slot as it stands in memory (RFC 9669, section 3). Little-endian hosts
/// only.
struct Insn {
    uint8_t opcode = 0;
    uint8_t dst : 4 = 0;
    uint8_t src : 4 = 0;
    int16_t off = 0;
    int32_t imm = 0;

    friend bool operator==(const Insn&, const Insn&) = default;
};
static_assert(sizeof(Insn) == 8);

constexpr int64_t kAnyField = INT64_MIN;  ///< in insn.def: the format decides

enum class Format : uint8_t {
    AluImm,     ///< dst op= imm
    AluReg,     ///< dst op= src
    AluUnary,   ///< dst = op dst
    ByteOrder,  ///< dst = swap(dst), width in imm
    JumpImm,    ///< if dst op imm goto off
    JumpReg,    ///< if dst op src goto off
    Goto,       ///< goto off
    GotoLong,   ///< goto imm
    MayGoto,    ///< goto off when the loop budget is spent
    Call,       ///< helper id, relative function or kfunc id in imm
    CallReg,    ///< helper id in dst
    Exit,
    LoadImm64,      ///< two slots
    LoadPacketAbs,  ///< r0 = packet[imm]
    LoadPacketInd,  ///< r0 = packet[src + imm]
    Load,           ///< dst = *(size*)(src + off)
    StoreImm,       ///< *(size*)(dst + off) = imm
    StoreReg,       ///< *(size*)(dst + off) = src
    Atomic,         ///< *(size*)(dst + off) op= src, operation in imm
};

enum class Group : uint8_t {
    Base32,
    Base64,
    Divmul32,
    Divmul64,
    Atomic32,
    Atomic64,
    Packet,
    Linux
};

enum class Op : uint8_t {
#define WEIR_INSN(name, opcode, src, off, imm, format, bits, spelling, group) k##name,
#include "vm/isa/insn.def"
};

constexpr size_t kOpCount = 0
#define WEIR_INSN(name, opcode, src, off, imm, format, bits, spelling, group) +1
#include "vm/isa/insn.def"
    ;

/// One row of insn.def.
struct OpInfo {
    Op op;
    std::string_view name;
    uint8_t opcode;
    int64_t src, off, imm;  ///< exact value, or kAnyField
    Format format;
    uint8_t bits;
    std::string_view spelling;
    Group group;
};

inline constexpr std::array<OpInfo, kOpCount> kOps = {{
#define WEIR_INSN(name, opcode, src, off, imm, format, bits, spelling, group) \
    {Op::k##name, #name, opcode, src, off, imm, Format::format, bits, spelling, Group::group},
#include "vm/isa/insn.def"
}};

constexpr const OpInfo& op_info(Op op) {
    return kOps[static_cast<size_t>(op)];
}

constexpr uint8_t kRegisterCount = 11;  ///< r0..r10; r10 is the frame pointer and read-only

/// An instruction with its name. For LoadImm64 forms `imm` holds all 64 bits of a plain constant
/// (src 0); for the others the low half, and `next_imm` the second slot's immediate.
struct DecodedInsn {
    Op op = Op::kExit;
    uint8_t dst = 0;
    uint8_t src = 0;
    int16_t off = 0;
    int64_t imm = 0;
    int32_t next_imm = 0;

    /// How many slots it takes: 2 for LoadImm64 forms, else 1.
    uint32_t slots() const { return op_info(op).format == Format::LoadImm64 ? 2 : 1; }
};

/// Decodes the instruction at `pc`. Unknown opcodes, registers above r10, reserved fields that are
/// not zero and a LoadImm64 cut by the end are errors that name the instruction and the field. Jump
/// targets are not looked at; decode_program does that.
Result<DecodedInsn> decode(std::span<const Insn> insns, size_t pc);

/// A whole program by slot: entry i is the instruction at slot i; the second slot of a LoadImm64
/// form has `second_slot` set and is not executable. Checks that every jump and local call lands on
/// the first slot of an instruction inside the program.
struct DecodedSlot {
    DecodedInsn insn;
    bool second_slot = false;
};
Result<std::vector<DecodedSlot>> decode_program(std::span<const Insn> insns);

/// Target slot of a jump (any form, also MayGoto) or local call at `pc`; nullopt if it has none.
/// May lie outside the program when the program was not checked by decode_program.
struct JumpTarget {
    bool exists = false;
    int64_t slot = 0;
};
JumpTarget jump_target(const DecodedInsn& insn, size_t pc);

}  // namespace weir::vm
