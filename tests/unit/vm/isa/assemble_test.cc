#include "vm/isa/assemble.h"

#include <gtest/gtest.h>

#include "tests/unit/vm/isa/random_insn.h"
#include "vm/isa/disassemble.h"

namespace weir::vm {
namespace {

std::string error_of(std::string_view text) {
    const Result<std::vector<Insn>> insns = assemble(text);
    return insns ? "" : insns.error().message;
}

TEST(Assemble, GivesBackEveryRowThatWasDisassembled) {
    constexpr int kRounds = 50;
    std::mt19937_64 random(1);
    for (const OpInfo& row : kOps) {
        for (int round = 0; round < kRounds; ++round) {
            std::vector<Insn> before;
            encode(random_insn(row.op, random), before);
            const Result<DecodedInsn> decoded = decode(before, 0);
            ASSERT_TRUE(decoded) << row.name << ": " << decoded.error().message;
            ASSERT_EQ(decoded->op, row.op) << row.name;
            const std::string text = disassemble(*decoded);
            const Result<std::vector<Insn>> after = assemble(text);
            ASSERT_TRUE(after) << text << ": " << after.error().message;
            ASSERT_EQ(*after, before) << row.name << ": " << text;
        }
    }
}

TEST(Assemble, GivesBackAWholeListing) {
    std::mt19937_64 random(2);
    std::vector<Insn> program;
    for (const OpInfo& row : kOps) encode(random_insn(row.op, random), program);
    const Result<std::vector<Insn>> again = assemble(disassemble_program(program));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, program);
}

TEST(Assemble, ResolvesLabelsInBothDirections) {
    const Result<std::vector<Insn>> insns = assemble(
        "again: r1 += 0x1   # comment\n"
        "r2 = 0x1122334455667788 ll ; two slots\n"
        "if r1 != 0xa goto again\n"
        "goto out // another\n"
        "call sub\n"
        "gotol again\n"
        "out:\n"
        "  exit\n"
        "sub: exit\n"
        "ld_pseudo r2, 4, sub\n");
    ASSERT_TRUE(insns) << insns.error().message;
    ASSERT_EQ(insns->size(), 11u);
    EXPECT_EQ((*insns)[9].imm, -2);
    EXPECT_EQ((*insns)[3].off, -4);
    EXPECT_EQ((*insns)[4].off, 2);
    EXPECT_EQ((*insns)[5].src, 1);
    EXPECT_EQ((*insns)[5].imm, 2);
    EXPECT_EQ((*insns)[6].imm, -7);
}

TEST(Assemble, CallsHelpersByName) {
    const Result<std::vector<Insn>> insns =
        assemble("call ktime_get_ns\ncall bpf_xdp_adjust_head\ncall 0x1");
    ASSERT_TRUE(insns) << insns.error().message;
    EXPECT_EQ((*insns)[0].imm, 5);
    EXPECT_EQ((*insns)[1].imm, 44);
    EXPECT_EQ((*insns)[2].imm, 1);
    EXPECT_EQ((*insns)[1].src, 0);
}

TEST(Assemble, TakesUnsignedImmediatesWhereTheOperationHas32Bits) {
    const Result<std::vector<Insn>> insns =
        assemble("w1 = 0xffffffff\n*(u32 *)(r10 - 8) = 4294967295");
    ASSERT_TRUE(insns) << insns.error().message;
    EXPECT_EQ((*insns)[0].imm, -1);
    EXPECT_EQ((*insns)[1].imm, -1);
    EXPECT_NE(error_of("r1 = 0xffffffff"), "");
}

TEST(Assemble, NamesLineAndColumnOfWhatIsWrong) {
    EXPECT_EQ(error_of("exit\nr1 += r11"),
              "line 2: column 7: expected a number from -2147483648 to 2147483647, found 'r11'");
    EXPECT_EQ(
        error_of("r1 = w2"),
        "line 1: column 8: expected registers of one width before this, found the end of the line");
    EXPECT_EQ(error_of("goto nowhere"), "line 1: no label 'nowhere'");
    EXPECT_EQ(error_of("a: exit\na: exit"), "line 2: label 'a' stands twice");
    EXPECT_EQ(error_of("ld_pseudo r2, 4, nowhere"), "line 1: no label 'nowhere'");
    EXPECT_EQ(error_of("ld_pseudo r2, 4, "),
              "line 1: column 18: expected a distance or a label, found the end of the line");
    EXPECT_EQ(error_of("exit exit"),
              "line 1: column 6: expected the end of the statement, found 'exit'");
    EXPECT_EQ(error_of("goto"),
              "line 1: column 5: expected a distance or a label, found the end of the line");
    EXPECT_EQ(error_of("r1 = *(u32 *)(r2 + 40000)"),
              "line 1: column 18: expected a number from -32768 to 32767, found '+ 40000)'");
    EXPECT_NE(error_of("frobnicate r1"), "");
    EXPECT_NE(error_of("r1 = *(u24 *)(r2 + 0)"), "");
    EXPECT_NE(error_of("lock *(u8 *)(r2 + 0) += w1"), "");
}

TEST(Assemble, RefusesAConditionalJumpThatIsTooFar) {
    std::string text = "goto out\n";
    for (int i = 0; i < 40'000; ++i) text += "r0 = 0x0\n";
    EXPECT_EQ(error_of(text + "out: exit"),
              "line 1: label 'out' is 40000 slots away, expected -32768 to 32767");
}

}  // namespace
}  // namespace weir::vm
