#include "vm/cbpf/insn_buffer.h"

#include <gtest/gtest.h>

namespace weir::vm::cbpf {
namespace {

TEST(InsnBuffer, FillsInJumpsWhenPlacesAreKnown) {
    InsnBuffer buffer(2);
    buffer.jump(Op::kJeq32Imm, 0, 0, 7, 1);
    buffer.put_imm(Op::kMov32Imm, 0, 1);
    buffer.bind(1);
    buffer.put(Op::kExit, 0, 0);
    const std::vector<Insn> insns = buffer.finish();
    ASSERT_EQ(insns.size(), 3u);
    EXPECT_EQ(insns[0].off, 1);
    EXPECT_EQ(insns[0].imm, 7);
}

TEST(InsnBuffer, SendsDropsToTheNextReturnOfZero) {
    InsnBuffer buffer(1);
    buffer.drop_if_imm(Op::kJeq64Imm, 5, 0);
    buffer.return_zero();
    buffer.drop_if(Op::kJgt64Reg, 4, 3);
    const std::vector<Insn> insns = buffer.finish();
    ASSERT_EQ(insns.size(), 6u);
    EXPECT_EQ(insns[0].off, 0);
    EXPECT_EQ(insns[3].off, 0);
    EXPECT_EQ(insns[4].opcode, op_info(Op::kMov32Imm).opcode);
}

TEST(InsnBuffer, KeepsDropsWithinReach) {
    constexpr size_t kFiller = 40'000;
    InsnBuffer buffer(kFiller);
    buffer.drop_if_imm(Op::kJeq64Imm, 5, 0);
    for (size_t place = 0; place < kFiller; ++place) {
        buffer.bind(place);
        buffer.put_imm(Op::kAdd32Imm, 0, 1);
    }
    buffer.put(Op::kExit, 0, 0);
    const std::vector<Insn> insns = buffer.finish();
    const size_t target = 1 + static_cast<size_t>(insns[0].off);
    EXPECT_EQ(insns[target].opcode, op_info(Op::kMov32Imm).opcode);
    EXPECT_EQ(insns[target + 1].opcode, op_info(Op::kExit).opcode);
    // Whoever comes along goes around it.
    EXPECT_EQ(insns[target - 1].opcode, op_info(Op::kGoto).opcode);
    EXPECT_EQ(insns[target - 1].off, 2);
}

TEST(InsnBuffer, TakesTheLongJumpWhereItMust) {
    constexpr size_t kFiller = 40'000;
    InsnBuffer buffer(1);
    buffer.jump(Op::kGoto, 0, 0, 0, 1);
    for (size_t i = 0; i < kFiller; ++i) buffer.put_imm(Op::kAdd32Imm, 0, 1);
    buffer.bind(1);
    buffer.put(Op::kExit, 0, 0);
    const std::vector<Insn> insns = buffer.finish();
    EXPECT_EQ(insns[0].opcode, op_info(Op::kGotoLong).opcode);
    EXPECT_EQ(insns[0].imm, static_cast<int32_t>(kFiller));
    EXPECT_EQ(insns[0].off, 0);
}

}  // namespace
}  // namespace weir::vm::cbpf
