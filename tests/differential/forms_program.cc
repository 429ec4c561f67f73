#include "tests/differential/forms_program.h"

#include <cstring>

#include <fmt/format.h>

#include "tests/support/insns.h"
#include "vm/base/check.h"
#include "vm/isa/disassemble.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr int16_t kOutSlot = -32, kSaveSlot = -40;
constexpr uint32_t kOperandBytes = 8, kFillersAt = 4 * kOperandBytes;  // index, A, B, C, fillers

int16_t operand_offset(Operand operand, uint8_t reg) {
    const uint32_t at = operand == Operand::Filler
                            ? kFillersAt + kOperandBytes * reg
                            : kOperandBytes * (1 + static_cast<uint32_t>(operand));
    return static_cast<int16_t>(at);
}

vm::MapSpec value_map(const char* name, uint32_t bytes) {
    vm::MapSpec spec;
    spec.name = name;
    spec.type = vm::MapType::Array;
    spec.key_bytes = 4;
    spec.value_bytes = bytes;
    spec.entries_max = 1;
    return spec;
}

/// Slots as forms.h has them; returns the jump that leaves where a packet is too short.
size_t put_prologue(InsnWriter& w, size_t forms) {
    w.put(Op::kLoad32, 2, 1, 0).put(Op::kLoad32, 3, 1, 4).mov_reg(4, 2).add(4, kFormPacketBytes);
    const size_t too_short = w.size();
    w.put(Op::kJgt64Reg, 4, 3).store64(10, kFormPacketSlot, 2);
    w.load64(4, 2, 0).put(Op::kAnd64Imm, 4, 0, 0, kFormPackets - 1);
    w.put(Op::kMul64Imm, 4, 0, 0, static_cast<int32_t>(forms * kFormResultBytes));
    w.load_map_value(5, kFormOut, 0).put(Op::kAdd64Reg, 5, 4).store64(10, kOutSlot, 5);
    w.load_map_value(5, kFormMemory, kFormMemoryMiddle).store64(10, kFormMemorySlot, 5);
    for (int off = kFormStackHigh; off >= kFormStackLow; off -= 8) {
        w.load64(3, 2, static_cast<int16_t>(kFormPacketWork - off % 72));
        w.store64(10, static_cast<int16_t>(off), 3);
    }
    return too_short;
}

void put_form(InsnWriter& w, const Form& form, size_t index, std::vector<size_t>& calls) {
    w.load64(1, 10, kFormPacketSlot);
    for (uint8_t reg = 0; reg < kFormRegisters; ++reg)
        if (reg != 1) w.load64(reg, 1, operand_offset(form.operands[reg], reg));
    w.load64(1, 1, operand_offset(form.operands[1], 1));
    for (const vm::Insn& insn : form.insns) {
        if (insn.opcode == vm::op_info(Op::kCallLocal).opcode &&
            insn.src == vm::op_info(Op::kCallLocal).src)
            calls.push_back(w.size());
        w.append({insn});
    }
    const auto at = static_cast<int16_t>(index * kFormResultBytes);
    w.store64(10, kSaveSlot, 1).load64(1, 10, kOutSlot);
    for (uint8_t reg = 0; reg < kFormRegisters; ++reg)
        if (reg != 1) w.store64(1, static_cast<int16_t>(at + 8 * reg), reg);
    w.load64(2, 10, kSaveSlot).store64(1, static_cast<int16_t>(at + 8), 2);
}

/// Uses what its caller wants to keep.
void put_function(InsnWriter& w) {
    w.mov_reg(0, 1);
    for (uint8_t i = 2; i <= 5; ++i)
        w.put(Op::kMul64Imm, 0, 0, 0, 31)
            .put(Op::kXor64Reg, 0, i)
            .mov_reg(static_cast<uint8_t>(i + 4), 0);
    w.store64(10, -32, 9).load64(1, 10, -32).put(Op::kAdd64Reg, 0, 1).exit();
}

uint64_t filler(uint64_t number) {
    return 0x9e37'79b9'7f4a'7c15 * (number + 3);
}

}  // namespace

vm::ProgramSpec forms_program(std::span<const Form> forms) {
    WEIR_CHECK(forms.size() <= kFormsPerProgramMax);
    vm::ProgramSpec spec;
    spec.name = "forms";
    spec.section = "xdp";
    spec.maps.push_back(
        value_map("out", static_cast<uint32_t>(forms.size()) * kFormResultBytes * kFormPackets));
    spec.maps.push_back(value_map("memory", kFormMemoryBytes));
    spec.subprograms.push_back({"forms", 0});
    InsnWriter w;
    const size_t too_short = put_prologue(w, forms.size());
    std::vector<size_t> calls;
    for (size_t i = 0; i < forms.size(); ++i) put_form(w, forms[i], i, calls);
    w.mov(0, 2).exit();
    // From far away in slots of 16 bits, so through the last form's end.
    w.at(too_short).off = static_cast<int16_t>(w.size() - too_short - 1);
    w.mov(0, 1).exit();
    const size_t entry = w.size();
    if (!calls.empty()) {
        spec.subprograms.push_back({"function", static_cast<uint32_t>(entry)});
        put_function(w);
    }
    for (const size_t call : calls) w.at(call).imm = static_cast<int32_t>(entry - call - 1);
    WEIR_CHECK(w.size() < INT16_MAX);
    spec.insns = w.insns();
    return spec;
}

std::vector<FormOperands> form_operands(size_t step) {
    const auto values = form_values();
    std::vector<FormOperands> all;
    const size_t pairs = values.size() * values.size();
    // An odd number of values further each time: every value meets others in every run.
    for (size_t i = 0; i < pairs; i += step) {
        const uint64_t a = values[i % values.size()];
        const uint64_t b = values[(i / values.size() + i) % values.size()];
        all.push_back({a, b, i % 3 == 0 ? a : i % 3 == 1 ? a ^ (1ull << 40) : b});
    }
    return all;
}

Bytes form_packet(uint32_t index, const FormOperands& operands) {
    Bytes packet(kFormPacketBytes);
    const auto put = [&packet](size_t at, uint64_t value) {
        std::memcpy(&packet[at], &value, sizeof value);
    };
    put(0, index);
    put(8, operands.a);
    put(16, operands.b);
    put(24, operands.c);
    for (uint32_t reg = 0; reg < kFormRegisters; ++reg)
        put(kFillersAt + kOperandBytes * reg, filler(reg));
    for (size_t at = kFormPacketWork; at < packet.size(); at += 8) put(at, filler(at) ^ operands.a);
    return packet;
}

Bytes form_memory() {
    Bytes memory(kFormMemoryBytes);
    for (size_t at = 0; at < memory.size(); at += 8) {
        const uint64_t value = filler(at);
        std::memcpy(&memory[at], &value, sizeof value);
    }
    return memory;
}

std::string form_difference(std::span<const Form> forms, ByteSpan wanted, ByteSpan got,
                            std::span<const FormOperands> operands) {
    const size_t words_per_packet = forms.size() * kFormRegisters;
    for (size_t word = 0; word < words_per_packet * operands.size(); ++word) {
        uint64_t want = 0, have = 0;
        std::memcpy(&want, &wanted[8 * word], sizeof want);
        std::memcpy(&have, &got[8 * word], sizeof have);
        if (want == have) continue;
        const FormOperands& values = operands[word / words_per_packet];
        const Form& form = forms[word % words_per_packet / kFormRegisters];
        return fmt::format(
            "packet {} (A {:#x}, B {:#x}, C {:#x}): r{} is {:#x}, expected {:#x}\n{}",
            word / words_per_packet, values.a, values.b, values.c, word % kFormRegisters, have,
            want, vm::disassemble_program(form.insns));
    }
    return {};
}

}  // namespace weir::tests
