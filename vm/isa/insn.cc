#include "vm/isa/insn.h"

#include <array>

#include <fmt/format.h>

namespace weir::vm {
namespace {

/// Which fields carry an operand. The others must hold the row's exact value, or zero.
struct Fields {
    bool dst, src, off, imm;
};

constexpr Fields operand_fields(Format format) {
    switch (format) {
        case Format::AluImm: return {true, false, false, true};
        case Format::AluReg: return {true, true, false, false};
        case Format::AluUnary: return {true, false, false, false};
        case Format::ByteOrder: return {true, false, false, false};
        case Format::JumpImm: return {true, false, true, true};
        case Format::JumpReg: return {true, true, true, false};
        case Format::Goto: return {false, false, true, false};
        case Format::GotoLong: return {false, false, false, true};
        case Format::MayGoto: return {false, false, true, false};
        case Format::Call: return {false, false, false, true};
        case Format::CallReg: return {true, false, false, false};
        case Format::Exit: return {false, false, false, false};
        case Format::LoadImm64: return {true, false, false, true};
        case Format::LoadPacketAbs: return {false, false, false, true};
        case Format::LoadPacketInd: return {false, true, false, true};
        case Format::Load: return {true, true, true, false};
        case Format::StoreImm: return {true, false, true, true};
        case Format::StoreReg: return {true, true, true, false};
        case Format::Atomic: return {true, true, true, false};
    }
    return {};
}

/// The offset of a kfunc call chooses the module's BTF (Linux), so there it is an operand.
constexpr bool field_fits(int64_t wanted, bool operand, int64_t value) {
    if (wanted != kAnyField) return value == wanted;
    return operand || value == 0;
}

std::unexpected<Error> bad(size_t pc, const std::string& what) {
    return fail(ErrorKind::kInvalid, fmt::format("insn {}: {}", pc, what));
}

/// Explains why no row fits, once an opcode is known to exist.
std::unexpected<Error> bad_fields(size_t pc, const Insn& insn, const OpInfo& row) {
    const Fields fields = operand_fields(row.format);
    if (!field_fits(kAnyField, fields.dst, insn.dst))
        return bad(pc, fmt::format("opcode {:#04x}: reserved field dst is {}, expected 0",
                                   insn.opcode, insn.dst));
    if (!field_fits(row.src, fields.src, insn.src))
        return bad(pc, fmt::format("opcode {:#04x}: field src is {}, which no such instruction has",
                                   insn.opcode, insn.src));
    if (!field_fits(row.off, fields.off, insn.off))
        return bad(pc, fmt::format("opcode {:#04x}: field off is {}, which no such instruction has",
                                   insn.opcode, insn.off));
    return bad(pc, fmt::format("opcode {:#04x}: field imm is {}, which no such instruction has",
                               insn.opcode, insn.imm));
}

bool row_fits(const OpInfo& row, const Insn& insn) {
    const Fields fields = operand_fields(row.format);
    const bool kfunc_off = row.op == Op::kCallKfunc;
    return field_fits(kAnyField, fields.dst, insn.dst) &&
           field_fits(row.src, fields.src, insn.src) &&
           field_fits(row.off, fields.off || kfunc_off, insn.off) &&
           field_fits(row.imm, fields.imm, insn.imm);
}

/// Rows of one opcode stand in one run or few; an index by opcode keeps decoding linear.
struct OpcodeIndex {
    std::array<std::array<uint8_t, 12>, 256> rows{};
    std::array<uint8_t, 256> count{};
};

constexpr OpcodeIndex make_index() {
    OpcodeIndex index;
    for (size_t i = 0; i < kOps.size(); ++i) {
        const uint8_t opcode = kOps[i].opcode;
        index.rows[opcode][index.count[opcode]++] = static_cast<uint8_t>(i);
    }
    return index;
}

constexpr OpcodeIndex kIndex = make_index();

Result<DecodedInsn> finish_load_imm64(std::span<const Insn> insns, size_t pc, DecodedInsn decoded) {
    if (pc + 1 >= insns.size())
        return bad(pc, "64-bit immediate load is cut by the end of the program");
    const Insn& next = insns[pc + 1];
    if (next.opcode != 0 || next.dst != 0 || next.src != 0 || next.off != 0)
        return bad(
            pc + 1,
            "second slot of a 64-bit immediate load must have opcode, registers and offset 0");
    decoded.next_imm = next.imm;
    if (decoded.op == Op::kLoadImm64)
        decoded.imm =
            static_cast<int64_t>((static_cast<uint64_t>(static_cast<uint32_t>(next.imm)) << 32) |
                                 static_cast<uint32_t>(decoded.imm));
    return decoded;
}

}  // namespace

Result<DecodedInsn> decode(std::span<const Insn> insns, size_t pc) {
    if (pc >= insns.size())
        return bad(pc, fmt::format("outside the program of {} instructions", insns.size()));
    const Insn& insn = insns[pc];
    const uint8_t count = kIndex.count[insn.opcode];
    if (count == 0) return bad(pc, fmt::format("unknown opcode {:#04x}", insn.opcode));
    const OpInfo* found = nullptr;
    for (uint8_t i = 0; i < count && found == nullptr; ++i) {
        const OpInfo& row = kOps[kIndex.rows[insn.opcode][i]];
        if (row_fits(row, insn)) found = &row;
    }
    if (found == nullptr) return bad_fields(pc, insn, kOps[kIndex.rows[insn.opcode][0]]);
    const Fields fields = operand_fields(found->format);
    if (fields.dst && insn.dst >= kRegisterCount)
        return bad(pc, fmt::format("register r{} does not exist", insn.dst));
    if (fields.src && insn.src >= kRegisterCount)
        return bad(pc, fmt::format("register r{} does not exist", insn.src));

    DecodedInsn decoded{
        .op = found->op, .dst = insn.dst, .src = insn.src, .off = insn.off, .imm = insn.imm};
    if (found->format == Format::LoadImm64) return finish_load_imm64(insns, pc, decoded);
    return decoded;
}

JumpTarget jump_target(const DecodedInsn& insn, size_t pc) {
    const auto after = static_cast<int64_t>(pc) + 1;
    switch (op_info(insn.op).format) {
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::MayGoto: return {true, after + insn.off};
        case Format::GotoLong: return {true, after + insn.imm};
        case Format::Call:
            return insn.op == Op::kCallLocal ? JumpTarget{true, after + insn.imm} : JumpTarget{};
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::CallReg:
        case Format::Exit:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
        case Format::Load:
        case Format::StoreImm:
        case Format::StoreReg:
        case Format::Atomic: return {};
    }
    return {};
}

Result<std::vector<DecodedSlot>> decode_program(std::span<const Insn> insns) {
    if (insns.empty()) return fail(ErrorKind::kInvalid, "program has no instructions");
    std::vector<DecodedSlot> slots(insns.size());
    for (size_t pc = 0; pc < insns.size();) {
        const Result<DecodedInsn> insn = decode(insns, pc);
        if (!insn) return std::unexpected(insn.error());
        slots[pc].insn = *insn;
        if (insn->slots() == 2) slots[pc + 1].second_slot = true;
        pc += insn->slots();
    }
    for (size_t pc = 0; pc < slots.size(); ++pc) {
        if (slots[pc].second_slot) continue;
        const JumpTarget target = jump_target(slots[pc].insn, pc);
        if (!target.exists) continue;
        if (target.slot < 0 || target.slot >= static_cast<int64_t>(slots.size()))
            return bad(pc, fmt::format("jump to {} leaves the program of {} instructions",
                                       target.slot, slots.size()));
        if (slots[static_cast<size_t>(target.slot)].second_slot)
            return bad(pc,
                       fmt::format("jump to {} lands inside a 64-bit immediate load", target.slot));
    }
    return slots;
}

}  // namespace weir::vm
