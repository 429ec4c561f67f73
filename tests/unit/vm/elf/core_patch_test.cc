#include "vm/elf/core_patch.h"

#include <gtest/gtest.h>

namespace weir::vm::elf {
namespace {

constexpr CoreChange kFrom4To20{.before = 4, .after = 20};

Insn patched(Insn insn, const CoreChange& change) {
    std::vector<Insn> insns = {insn};
    const auto result = patch_insn(insns, 0, change);
    EXPECT_TRUE(result) << result.error().message;
    return insns[0];
}

std::string error_of(Insn insn, const CoreChange& change) {
    std::vector<Insn> insns = {insn};
    const auto result = patch_insn(insns, 0, change);
    return result ? "" : result.error().message;
}

TEST(CorePatch, ChangesTheFieldThatHoldsTheAnswer) {
    EXPECT_EQ(patched({.opcode = 0x07, .imm = 4}, kFrom4To20), (Insn{.opcode = 0x07, .imm = 20}));
    EXPECT_EQ(patched({.opcode = 0xb4, .imm = 4}, kFrom4To20), (Insn{.opcode = 0xb4, .imm = 20}));
    EXPECT_EQ(patched({.opcode = 0x61, .off = 4}, kFrom4To20), (Insn{.opcode = 0x61, .off = 20}));
    EXPECT_EQ(patched({.opcode = 0x62, .off = 4, .imm = 9}, kFrom4To20),
              (Insn{.opcode = 0x62, .off = 20, .imm = 9}));
    EXPECT_EQ(patched({.opcode = 0x63, .off = 4}, kFrom4To20), (Insn{.opcode = 0x63, .off = 20}));
}

TEST(CorePatch, ChangesBothHalvesOfA64BitLoad) {
    std::vector<Insn> insns = {{.opcode = 0x18, .imm = 4}, {}};
    ASSERT_TRUE(patch_insn(insns, 0, {.before = 4, .after = 0x100000002}));
    EXPECT_EQ(insns[0].imm, 2);
    EXPECT_EQ(insns[1].imm, 1);
    std::vector<Insn> map = {{.opcode = 0x18, .src = 1, .imm = 4}, {}};
    EXPECT_FALSE(patch_insn(map, 0, kFrom4To20));
    EXPECT_FALSE(patch_insn(std::span(map).first(1), 0, kFrom4To20));
}

TEST(CorePatch, ResizesAccesses) {
    const CoreChange wider{.before = 4, .after = 8, .bytes_before = 4, .bytes_after = 8};
    EXPECT_EQ(patched({.opcode = 0x61, .off = 4}, wider), (Insn{.opcode = 0x79, .off = 8}));
    EXPECT_NE(error_of({.opcode = 0x69, .off = 4}, wider).find("takes 2 bytes of a member of 4"),
              std::string::npos);
    const CoreChange odd{.before = 4, .after = 8, .bytes_before = 4, .bytes_after = 3};
    EXPECT_NE(error_of({.opcode = 0x61, .off = 4}, odd).find("3 bytes at once"), std::string::npos);
}

TEST(CorePatch, RefusesInstructionsThatDoNotHoldTheCompilersAnswer) {
    EXPECT_NE(error_of({.opcode = 0x07, .imm = 5}, kFrom4To20).find("holds 5"), std::string::npos);
    EXPECT_NE(error_of({.opcode = 0x61, .off = 5}, kFrom4To20).find("holds 5"), std::string::npos);
    CoreChange uncertain = kFrom4To20;
    uncertain.check_before = false;
    EXPECT_EQ(patched({.opcode = 0x07, .imm = 5}, uncertain).imm, 20);
    EXPECT_NE(error_of({.opcode = 0x0f, .imm = 4}, kFrom4To20).find("no constant"),
              std::string::npos);
    EXPECT_NE(error_of({.opcode = 0x05, .imm = 4}, kFrom4To20).find("opcode 0x05"),
              std::string::npos);
    EXPECT_NE(error_of({.opcode = 0x61, .off = 4}, {.before = 4, .after = 32768}).find("16 bits"),
              std::string::npos);
}

TEST(CorePatch, PoisonsBothSlots) {
    std::vector<Insn> insns = {{.opcode = 0x18, .imm = 4}, {}, {.opcode = 0x95}};
    const auto poisoned = patch_insn(insns, 0, {.is_missing = true});
    ASSERT_TRUE(poisoned);
    EXPECT_TRUE(*poisoned);
    const Insn poison{.opcode = 0x85, .imm = kPoisonHelper};
    EXPECT_EQ(insns[0], poison);
    EXPECT_EQ(insns[1], poison);
    EXPECT_EQ(insns[2].opcode, 0x95);
    EXPECT_TRUE(decode_program(insns));
    std::vector<Insn> misread = {{.opcode = 0x61, .off = 4}};
    ASSERT_TRUE(patch_insn(misread, 0, {.before = 4, .after = 4, .is_misread = true}));
    EXPECT_EQ(misread[0], poison);
    std::vector<Insn> addition = {{.opcode = 0x07, .imm = 4}};
    ASSERT_TRUE(patch_insn(addition, 0, {.before = 4, .after = 4, .is_misread = true}));
    EXPECT_EQ(addition[0].imm, 4) << "taking an address misreads nothing";
}

}  // namespace
}  // namespace weir::vm::elf
