#include <gtest/gtest.h>

#include "tests/unit/jit/code_bytes.h"

namespace weir::tests {
namespace {

using vm::Op;

struct Width {
    int32_t bits;
    Op move, up, down, join;
};
constexpr Width k64 = {64, Op::kMov64Reg, Op::kLsh64Imm, Op::kRsh64Imm, Op::kOr64Reg};
constexpr Width k32 = {32, Op::kMov32Reg, Op::kLsh32Imm, Op::kRsh32Imm, Op::kOr32Reg};

void run_all_values(const InsnWriter& body) {
    Engines engines(with_registers(body.insns()));
    for (const uint64_t value : kBoundaryValues) {
        Machine machine = distinct_machine();
        machine.registers[7] = value;
        engines.run(machine);
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << raw_listing(body.insns());
}

/// r3 = r7 rotated to the left, by way of two copies.
InsnWriter two_copies(const Width& width, int32_t by, int32_t back) {
    InsnWriter w;
    w.put(width.move, 3, 7).put(width.up, 3, 0, 0, by).put(width.move, 4, 7);
    return w.put(width.down, 4, 0, 0, back).put(width.join, 3, 4);
}
/// By way of one copy; the value itself is shifted, too, and `result` takes both.
InsnWriter one_copy(const Width& width, int32_t by, bool into_copy) {
    InsnWriter w;
    w.put(width.move, 3, 7).put(width.up, 3, 0, 0, by).put(width.down, 7, 0, 0, width.bits - by);
    return into_copy ? w.put(width.join, 3, 7) : w.put(width.join, 7, 3);
}

TEST(FoldRotate, EveryAmountAgrees) {
    for (const Width& width : {k64, k32}) {
        for (int32_t by = 1; by < width.bits; ++by) {
            run_all_values(two_copies(width, by, width.bits - by).mov(4, 0));
            run_all_values(one_copy(width, by, true).mov(7, 0));
            run_all_values(one_copy(width, by, false).mov(3, 0));
        }
    }
}

TEST(FoldRotate, WhatIsReadLaterIsKept) {
    for (const Width& width : {k64, k32}) {
        run_all_values(two_copies(width, 5, width.bits - 5));
        run_all_values(one_copy(width, 5, true));
        run_all_values(one_copy(width, 5, false));
    }
}

TEST(FoldRotate, WhatIsNoRotationStaysAsItIs) {
    run_all_values(two_copies(k64, 5, 60).mov(4, 0));
    run_all_values(two_copies(k32, 5, 26).mov(4, 0));
    // 32 bits up, 64 down, and the reverse; a copy that cuts in front of 64-bit shifts.
    const Width mixed[] = {{64, Op::kMov64Reg, Op::kLsh32Imm, Op::kRsh64Imm, Op::kOr64Reg},
                           {32, Op::kMov64Reg, Op::kLsh32Imm, Op::kRsh32Imm, Op::kOr64Reg},
                           {32, Op::kMov64Reg, Op::kLsh64Imm, Op::kRsh32Imm, Op::kOr32Reg},
                           {64, Op::kMov32Reg, Op::kLsh64Imm, Op::kRsh64Imm, Op::kOr64Reg},
                           {32, Op::kMov64Reg, Op::kLsh32Imm, Op::kRsh32Imm, Op::kOr32Reg}};
    for (const Width& width : mixed) run_all_values(two_copies(width, 5, width.bits - 5).mov(4, 0));
    InsnWriter of_two;
    of_two.mov_reg(3, 7).put(Op::kLsh64Imm, 3, 0, 0, 8).mov_reg(4, 8);
    run_all_values(of_two.put(Op::kRsh64Imm, 4, 0, 0, 56).put(Op::kOr64Reg, 3, 4).mov(4, 0));
}

TEST(FoldRotate, HasTheseBytes) {
    InsnWriter w;
    w.put(Op::kMov32Reg, 0, 1).put(Op::kLsh32Imm, 0, 0, 0, 5).put(Op::kRsh32Imm, 1, 0, 0, 27);
    InsnWriter in_place = w;
    w.put(Op::kOr32Reg, 0, 1).exit();
    in_place.put(Op::kOr32Reg, 1, 0).mov_reg(0, 1).exit();
    const std::string rotated = "c1 c7 05 48 89 f8 c3";  // rol edi, 5
    EXPECT_EQ(code_like(in_place, rotated), rotated);
    // rorx eax, edi, 27 where the CPU has BMI2, else mov eax, edi; rol eax, 5
    const std::string with_bmi2 = "c4 e3 7b f0 c7 1b c3", without = "89 f8 c1 c0 05 c3";
    EXPECT_TRUE(code_like(w, with_bmi2) == with_bmi2 || code_like(w, without) == without)
        << code_like(w, with_bmi2);
}

}  // namespace
}  // namespace weir::tests
