// Machine code of every form as a disassembler other than its assembler reads it:
// golden/jit/rows.txt has the rows of insn.def, golden/jit/forms.txt what is made of special
// operands, of pairs, of calls and of whole bursts. WEIR_GOLDEN_REWRITE=1 writes both anew.

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include <fmt/format.h>

#include "jit/disassemble.h"
#include "jit/machine_code.h"
#include "maps/maps.h"
#include "tests/golden/golden_file.h"
#include "tests/golden/jit_texts.h"
#include "tests/support/insns.h"
#include "vm/base/limits.h"
#include "vm/isa/assemble.h"
#include "vm/isa/disassemble.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

using vm::Format;
using vm::Op;

constexpr jit::CpuFeatures kNewCpu{.bmi2 = true, .movbe = true}, kAnyCpu{};

/// Where maps and functions lie is another place in each run. Constants that long are secrets of
/// hashes, if no addresses.
std::string without_addresses(const std::string& text) {
    static const std::regex call("^call 0x.*|^call \\*.*|^call .*%rip.*");
    static const std::regex address("\\$0x[0-9a-f]{10,}");
    return std::regex_replace(std::regex_replace(text, call, "call FUNCTION"), address,
                              "$$ADDRESS");
}

/// What lies between one entry and the next.
bool is_filling(const jit::MachineInsn& insn) {
    return insn.text.starts_with("nop") || insn.text.starts_with("int3");
}

std::string listing(std::span<const uint8_t> code, uint64_t from, uint64_t to, bool masks) {
    const auto base = reinterpret_cast<uint64_t>(code.data());
    std::vector<jit::MachineInsn> insns =
        jit::disassemble(code, base, static_cast<uint32_t>(from - base),
                         static_cast<uint32_t>(to - base), [](uint64_t) { return ""; });
    while (!insns.empty() && is_filling(insns.back())) insns.pop_back();
    std::string text;
    for (const jit::MachineInsn& insn : insns)
        text += fmt::format("{:4x}: {}\n", insn.offset - (from - base),
                            masks ? without_addresses(insn.text) : insn.text);
    return text;
}

uint64_t entry_address(const void* entry) {
    return reinterpret_cast<uint64_t>(entry);
}

/// The code for one packet.
std::string single_listing(const jit::MachineCode& code, bool masks) {
    return listing(code.code(), entry_address(reinterpret_cast<const void*>(code.single())),
                   entry_address(reinterpret_cast<const void*>(code.burst())), masks);
}

std::string unproven_code(const std::vector<vm::Insn>& insns, jit::CpuFeatures cpu) {
    const auto slots = vm::decode_program(insns);
    if (!slots) return slots.error().message + "\n";
    jit::CompileInput input;
    input.slots = *slots;
    input.functions = jit::find_functions(*slots, kStackBytes);
    input.helpers = &maps::all_helpers();
    input.cpu = cpu;
    const auto code = jit::MachineCode::generate(input);
    return code ? single_listing(*code, true) : code.error().message + "\n";
}

// -- rows

/// Two of each row: short operands, and registers that need prefixes with operands that are long.
vm::Insn sample(const vm::OpInfo& row, bool is_long) {
    const uint8_t dst = is_long ? 7 : 1, src = is_long ? 4 : 2;
    const auto off = static_cast<int16_t>(is_long ? -256 : 16);
    const int32_t imm = is_long ? 0x1234'5678 : 100;
    const bool shifts = row.spelling.ends_with("<<=") || row.spelling.ends_with(">>=");
    switch (row.format) {
        case Format::AluImm: return make_insn(row.op, dst, 0, 0, shifts ? 7 : imm);
        case Format::AluReg: return make_insn(row.op, dst, src);
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::CallReg: return make_insn(row.op, dst);
        case Format::JumpImm: return make_insn(row.op, dst, 0, 1, imm);
        case Format::JumpReg: return make_insn(row.op, dst, src, 1);
        case Format::Goto:
        case Format::MayGoto: return make_insn(row.op, 0, 0, 1);
        case Format::GotoLong: return make_insn(row.op, 0, 0, 0, 1);
        case Format::Call: return make_insn(row.op, 0, 0, 0, row.op == Op::kCallLocal ? 1 : 28);
        case Format::Exit: return make_insn(row.op);
        case Format::LoadImm64: return make_insn(row.op, dst, 0, 0, imm);
        case Format::LoadPacketAbs: return make_insn(row.op, 0, 0, 0, imm);
        case Format::LoadPacketInd: return make_insn(row.op, 0, src);
        case Format::Load: return make_insn(row.op, dst, src, off);
        case Format::StoreImm: return make_insn(row.op, dst, 0, off, imm);
        case Format::StoreReg:
        case Format::Atomic: return make_insn(row.op, dst, src, off);
    }
    return {};
}

std::vector<vm::Insn> row_program(const vm::OpInfo& row, bool is_long) {
    InsnWriter w;
    w.append({sample(row, is_long)});
    if (row.format == Format::LoadImm64) w.append({vm::Insn{.imm = is_long ? 0x77 : 0}});
    const vm::JumpTarget target = vm::jump_target(vm::decode(w.insns(), 0).value(), 0);
    if (target.exists && row.op != Op::kCallLocal) w.mov(0, 1);
    if (row.format != Format::Exit) w.exit();
    if (row.op == Op::kCallLocal) w.mov(0, 1).exit();
    return w.insns();
}

/// Without the `exit` at the end.
std::string input_of(const std::vector<vm::Insn>& insns) {
    const std::string text = vm::disassemble_program(insns);
    return text.substr(0, text.rfind('\n', text.size() - 2) + 1);
}

GoldenFile rows() {
    GoldenFile file{"# Each row of insn.def as machine code (jit_golden_test.cc).\n", {}};
    for (const vm::OpInfo& row : vm::kOps) {
        for (const bool is_long : {false, true}) {
            const std::vector<vm::Insn> insns = row_program(row, is_long);
            const std::string code = unproven_code(insns, kNewCpu);
            const std::string other = unproven_code(insns, kAnyCpu);
            const std::string input = input_of(insns);
            file.blocks.push_back({fmt::format("{}{}", row.name, is_long ? ", long" : ""), input,
                                   code + (other == code ? "" : "any cpu:\n" + other)});
        }
    }
    return file;
}

// -- forms

struct Compiled {
    std::vector<std::unique_ptr<vm::Map>> maps;
    std::vector<vm::Map*> pointers;
    std::optional<jit::MachineCode> code;
    std::string refusal;
};

/// Stands for the program that tail calls are made from; nothing runs here.
class NoProgram final : public vm::Runnable {
    uint64_t call(uint64_t, const std::array<uint64_t, 5>&, vm::RunEnv&) const override {
        return 0;
    }
};

vm::ProgramSpec spec_of(const ProvenText& text) {
    vm::ProgramSpec spec;
    spec.name = "golden";
    spec.section = "xdp";
    spec.insns = vm::assemble(text.text).value();
    spec.subprograms.push_back({"golden", 0});
    spec.maps = text.maps;
    return spec;
}

Compiled compile(const ProvenText& text, jit::Overlap overlap) {
    Compiled compiled;
    const vm::ProgramSpec spec = spec_of(text);
    for (const vm::MapSpec& map : spec.maps)
        compiled.pointers.push_back(
            compiled.maps.emplace_back(maps::create_map(map, 2).value()).get());
    const auto proof = vm::verify(spec);
    if (!proof) {
        compiled.refusal = proof.error().message;
        return compiled;
    }
    const vm::VerifiedProgram program = vm::accept(spec, *proof).value();
    jit::CompileInput input;
    input.slots = program.slots();
    input.facts = program.proof().facts;
    input.functions = {{0, program.proof().stack_bytes[0]}};
    input.maps = compiled.pointers;
    input.helpers = &maps::all_helpers();
    input.cpu = kNewCpu;
    input.options.overlap = overlap;
    static const NoProgram no_program;
    input.runnable = &no_program;
    auto code = jit::MachineCode::generate(input);
    if (code)
        compiled.code = std::move(*code);
    else
        compiled.refusal = code.error().message;
    return compiled;
}

std::string proven_code(const ProvenText& text) {
    const bool overlaps = text.shows == Shows::Overlap;
    const Compiled compiled =
        compile(text, overlaps ? jit::Overlap::kAlways : jit::Overlap::kNever);
    if (!compiled.code) return compiled.refusal + "\n";
    if (text.shows == Shows::Single) return single_listing(*compiled.code, true);
    const auto from = entry_address(reinterpret_cast<const void*>(compiled.code->burst()));
    const std::span<const uint8_t> code = compiled.code->code();
    return listing(code, from, entry_address(code.data() + code.size()), true);
}

/// "r1 = r2; r1 += 0xe"
std::string title_of(std::string_view text) {
    std::string title(text.substr(0, text.size() - 1));
    for (size_t at = title.find('\n'); at != std::string::npos; at = title.find('\n'))
        title.replace(at, 1, "; ");
    return title;
}

GoldenFile forms() {
    GoldenFile file{
        "# Special operands, pairs, calls and bursts as machine code (jit_golden_test.cc).\n", {}};
    for (const std::string_view text : operand_texts()) {
        const std::vector<vm::Insn> insns = vm::assemble(std::string(text) + "exit\n").value();
        file.blocks.push_back({title_of(text), std::string(text), unproven_code(insns, kNewCpu)});
    }
    for (const ProvenText& text : proven_texts())
        file.blocks.push_back({text.name, text.text, proven_code(text)});
    return file;
}

void expect_same(const std::string& name, const GoldenFile& now) {
    const std::string path = WEIR_GOLDEN_DIR "/jit/" + name;
    if (rewrite_golden()) write_golden(path, now);
    const GoldenFile golden = read_golden(path);
    ASSERT_EQ(golden.blocks.size(), now.blocks.size());
    for (size_t i = 0; i < golden.blocks.size(); ++i) {
        EXPECT_EQ(golden.blocks[i].name, now.blocks[i].name);
        EXPECT_EQ(golden.blocks[i].input, now.blocks[i].input) << now.blocks[i].name;
        EXPECT_EQ(golden.blocks[i].expected, now.blocks[i].expected) << now.blocks[i].name;
    }
}

TEST(JitGolden, CodeOfEveryRow) {
    expect_same("rows.txt", rows());
}

TEST(JitGolden, CodeOfSpecialForms) {
    expect_same("forms.txt", forms());
}

/// Else a run elsewhere would differ.
TEST(JitGolden, HoldsNoAddresses) {
    const GoldenFile first = forms(), second = forms();
    for (size_t i = 0; i < first.blocks.size(); ++i)
        EXPECT_EQ(first.blocks[i].expected, second.blocks[i].expected) << first.blocks[i].name;
}

}  // namespace
}  // namespace weir::tests
