#include "vm/isa/insn.h"

#include <gtest/gtest.h>

#include "tests/unit/vm/isa/random_insn.h"
#include "vm/isa/assemble.h"

namespace weir::vm {
namespace {

std::string error_of(std::vector<Insn> insns) {
    const Result<std::vector<DecodedSlot>> slots = decode_program(insns);
    return slots ? "" : slots.error().message;
}

constexpr Insn kExit{.opcode = 0x95};

TEST(Decode, TellsEveryRowFromEveryOther) {
    std::mt19937_64 random(3);
    for (const OpInfo& row : kOps) {
        std::vector<Insn> insns;
        const DecodedInsn wanted = random_insn(row.op, random);
        encode(wanted, insns);
        const Result<DecodedInsn> insn = decode(insns, 0);
        ASSERT_TRUE(insn) << row.name << ": " << insn.error().message;
        EXPECT_EQ(insn->op, row.op);
        EXPECT_EQ(insn->dst, wanted.dst);
        EXPECT_EQ(insn->off, wanted.off);
        EXPECT_EQ(insn->imm, wanted.imm);
    }
}

TEST(Decode, RefusesUnknownOpcodesAndReservedFields) {
    EXPECT_EQ(error_of({}), "program has no instructions");
    EXPECT_EQ(error_of({{.opcode = 0xff}}), "insn 0: unknown opcode 0xff");
    EXPECT_EQ(error_of({{.opcode = 0x95, .dst = 1}}),
              "insn 0: opcode 0x95: reserved field dst is 1, expected 0");
    EXPECT_EQ(error_of({{.opcode = 0x07, .src = 2}}),
              "insn 0: opcode 0x07: field src is 2, which no such instruction has");
    EXPECT_EQ(error_of({{.opcode = 0x07, .off = 1}}),
              "insn 0: opcode 0x07: field off is 1, which no such instruction has");
    EXPECT_EQ(error_of({{.opcode = 0xdb, .imm = 0x33}}),
              "insn 0: opcode 0xdb: field imm is 51, which no such instruction has");
    EXPECT_EQ(error_of({{.opcode = 0x07, .dst = 11}}), "insn 0: register r11 does not exist");
}

TEST(Decode, RefusesABrokenLoadImm64) {
    EXPECT_EQ(error_of({{.opcode = 0x18}}),
              "insn 0: 64-bit immediate load is cut by the end of the program");
    EXPECT_EQ(
        error_of({{.opcode = 0x18}, {.opcode = 0x95}}),
        "insn 1: second slot of a 64-bit immediate load must have opcode, registers and offset 0");
}

TEST(DecodeProgram, ChecksWhereJumpsLand) {
    EXPECT_EQ(error_of({{.opcode = 0x05, .off = 1}, kExit}),
              "insn 0: jump to 2 leaves the program of 2 instructions");
    EXPECT_EQ(error_of({{.opcode = 0x05, .off = -2}, kExit}),
              "insn 0: jump to -1 leaves the program of 2 instructions");
    EXPECT_EQ(error_of({{.opcode = 0x05, .off = 1}, {.opcode = 0x18}, {}, kExit}),
              "insn 0: jump to 2 lands inside a 64-bit immediate load");
    EXPECT_EQ(error_of({{.opcode = 0x85, .src = 1, .imm = 7}, kExit}),
              "insn 0: jump to 8 leaves the program of 2 instructions");
    EXPECT_EQ(error_of({{.opcode = 0x85, .imm = 7}, kExit}), "");
}

TEST(DecodeProgram, MarksSecondSlots) {
    const std::vector<Insn> insns{{.opcode = 0x18, .imm = 1}, {.imm = 2}, kExit};
    const Result<std::vector<DecodedSlot>> slots = decode_program(insns);
    ASSERT_TRUE(slots);
    EXPECT_EQ((*slots)[0].insn.imm, 0x200000001);
    EXPECT_FALSE((*slots)[0].second_slot);
    EXPECT_TRUE((*slots)[1].second_slot);
    EXPECT_FALSE((*slots)[2].second_slot);
}

}  // namespace
}  // namespace weir::vm
