#include "vm/isa/disassemble.h"

#include <gtest/gtest.h>

#include "vm/isa/assemble.h"

namespace weir::vm {
namespace {

TEST(DisassembleProgram, NamesTargetsAndShowsNotes) {
    const Result<std::vector<Insn>> insns =
        assemble("if r1 == 0x0 goto +0x2\nr2 = map[3] ll\nexit");
    ASSERT_TRUE(insns) << insns.error().message;
    const ListingNotes notes{
        .before = [](size_t pc) { return pc == 0 ? "entry:\n" : ""; },
        .after = [](size_t pc) { return pc == 1 ? "map flows" : ""; },
    };
    EXPECT_EQ(disassemble_program(*insns, notes),
              "entry:\n"
              "       0:\tif r1 == 0x0 goto +0x2 <3>\n"
              "       1:\tr2 = map[3] ll ; map flows\n"
              "       3:\texit\n");
}

TEST(DisassembleProgram, ShowsWhatItCannotDecode) {
    const std::vector<Insn> insns{{.opcode = 0xff, .imm = 1}, {.opcode = 0x18}};
    EXPECT_EQ(disassemble_program(insns),
              "       0:\t<unknown> 0x00000001000000ff\n"
              "       1:\t<unknown> 0x0000000000000018\n");
}

TEST(Disassemble, PrintsTheEndsOfNumberRanges) {
    const auto text = [](DecodedInsn insn) { return disassemble(insn); };
    EXPECT_EQ(text({.op = Op::kLoadImm64, .dst = 1, .imm = INT64_MIN}),
              "r1 = -0x8000000000000000 ll");
    EXPECT_EQ(text({.op = Op::kMov64Imm, .dst = 1, .imm = INT32_MIN}), "r1 = -0x80000000");
    EXPECT_EQ(text({.op = Op::kLoad8, .dst = 1, .src = 2, .off = INT16_MIN}),
              "r1 = *(u8 *)(r2 - 0x8000)");
    EXPECT_EQ(text({.op = Op::kCallKfunc, .src = 2, .off = 3, .imm = 4}), "call kfunc 0x4, 0x3");
}

}  // namespace
}  // namespace weir::vm
