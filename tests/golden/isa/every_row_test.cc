// Every row of insn.def as text, against our golden file and against what llvm-objdump prints.

#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/golden/golden_file.h"
#include "vm/isa/disassemble.h"

namespace weir::vm {
namespace {

constexpr const char* kGolden = WEIR_GOLDEN_DIR "/isa/every_row.txt";
constexpr const char* kLlvm = WEIR_GOLDEN_DIR "/isa/llvm_objdump.txt";

/// The same operands for every row: r3, r7, offset -24 for memory and 5 for jumps, immediate -6.
DecodedInsn sample(const OpInfo& row) {
    DecodedInsn insn{.op = row.op, .dst = 3, .src = 7, .off = -24, .imm = -6};
    if (row.src != kAnyField) insn.src = static_cast<uint8_t>(row.src);
    if (row.off != kAnyField) insn.off = static_cast<int16_t>(row.off);
    if (row.imm != kAnyField) insn.imm = row.imm;
    if (row.format == Format::JumpImm || row.format == Format::JumpReg ||
        row.format == Format::Goto || row.format == Format::MayGoto)
        insn.off = 5;
    if (row.format == Format::LoadPacketInd) insn.imm = 0;
    if (row.op == Op::kCallKfunc) insn.off = 0;
    if (row.op == Op::kLoadImm64) insn.imm = 0x9fffffffa;
    return insn;
}

std::string listing() {
    std::string text;
    for (const OpInfo& row : kOps)
        text += fmt::format("{:<18} {}\n", row.name, disassemble(sample(row)));
    return text;
}

/// Row name -> text.
std::map<std::string, std::string> read_rows(const char* path) {
    std::map<std::string, std::string> rows;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
        const size_t end = line.find(' ');
        if (!line.starts_with("#"))
            rows[line.substr(0, end)] = line.substr(line.find_first_not_of(' ', end));
    }
    return rows;
}

TEST(EveryRow, HasTheTextOfTheGoldenFile) {
    if (tests::rewrite_golden()) std::ofstream(kGolden) << listing();
    std::ifstream in(kGolden);
    EXPECT_EQ(listing(), std::string(std::istreambuf_iterator<char>(in), {}));
}

TEST(EveryRow, ReadsAsInLlvmObjdump) {
    // There a local call and a kernel function look like a helper's call, map loads lose their
    // second half, and v4 writes w in plain loads and stores of less than 64 bits, which the
    // default CPU does not.
    const std::set<std::string> ours = {"CallLocal",  "CallKfunc", "LoadMap", "LoadMapValue",
                                        "Load32",     "Load16",    "Load8",   "StoreReg32",
                                        "StoreReg16", "StoreReg8"};
    const std::map<std::string, std::string> llvm = read_rows(kLlvm);
    ASSERT_GT(llvm.size(), 170u);
    for (const OpInfo& row : kOps) {
        const auto found = llvm.find(std::string(row.name));
        if (found == llvm.end() || ours.contains(found->first)) continue;
        EXPECT_EQ(disassemble(sample(row)), found->second) << row.name;
    }
}

}  // namespace
}  // namespace weir::vm
