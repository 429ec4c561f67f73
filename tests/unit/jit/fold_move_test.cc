#include <gtest/gtest.h>

#include "tests/unit/jit/code_bytes.h"

namespace weir::tests {
namespace {

using vm::Op;

/// Every boundary value in r7, and in r8 one that is not like it.
void run_all_values(const InsnWriter& body) {
    Engines engines(with_registers(body.insns()));
    for (const uint64_t value : kBoundaryValues) {
        Machine machine = distinct_machine();
        machine.registers[7] = value;
        machine.registers[8] = ~value;
        engines.run(machine);
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << raw_listing(body.insns());
}

TEST(FoldMove, CopyAndAdditionAgreeOnEveryRegisterPair) {
    for (uint8_t dst = 0; dst < kRegisters; ++dst) {
        for (uint8_t src = 0; src < kRegisters; ++src) {
            for (const int32_t imm : {0, 14, -129, INT32_MIN}) {
                InsnWriter w;
                w.mov_reg(dst, src).add(dst, imm);
                w.put(Op::kMov32Reg, dst, src).put(Op::kAdd32Imm, dst, 0, 0, imm);
                Engines(with_registers(w.insns())).run(distinct_machine());
            }
            InsnWriter sum;
            sum.mov_reg(dst, src).put(Op::kAdd64Reg, dst, 9);
            Engines(with_registers(sum.insns())).run(distinct_machine());
            ASSERT_FALSE(HasFailure()) << int{dst} << " " << int{src};
        }
    }
}

TEST(FoldMove, CopyAndAdditionAgreeOnBoundaryValues) {
    for (const Op move : {Op::kMov64Reg, Op::kMov32Reg}) {
        for (const Op add : {Op::kAdd64Reg, Op::kAdd32Reg}) {
            run_all_values(InsnWriter().put(move, 3, 7).put(add, 3, 8));
            run_all_values(InsnWriter().put(move, 3, 7).put(add, 3, 3));
        }
        for (const Op add : {Op::kAdd64Imm, Op::kAdd32Imm})
            for (const int32_t imm : {-5, INT32_MAX, INT32_MIN})
                run_all_values(InsnWriter().put(move, 3, 7).put(add, 3, 0, 0, imm));
    }
}

TEST(FoldMove, CopyAndMaskAgree) {
    for (const Op move : {Op::kMov64Reg, Op::kMov32Reg, Op::kMovSx8To64})
        for (const Op mask : {Op::kAnd64Imm, Op::kAnd32Imm})
            for (const int32_t imm : {0xff, 0xffff, 0x7f})
                run_all_values(InsnWriter().put(move, 3, 7).put(mask, 3, 0, 0, imm));
}

TEST(FoldMove, ShiftPairsCutOrExtend) {
    for (const Op down : {Op::kRsh64Imm, Op::kArsh64Imm}) {
        for (const int32_t by : {16, 32, 48, 56}) {
            InsnWriter in_place, copied, unlike;
            in_place.put(Op::kLsh64Imm, 7, 0, 0, by).put(down, 7, 0, 0, by);
            copied.mov_reg(3, 7).put(Op::kLsh64Imm, 3, 0, 0, by).put(down, 3, 0, 0, by);
            unlike.put(Op::kLsh64Imm, 7, 0, 0, by).put(down, 7, 0, 0, by - 1);
            run_all_values(in_place);
            run_all_values(copied);
            run_all_values(unlike);
        }
    }
}

TEST(FoldMove, ShiftAndAdditionAgree) {
    for (int32_t by = 0; by <= 4; ++by) {
        run_all_values(InsnWriter().put(Op::kLsh64Imm, 7, 0, 0, by).put(Op::kAdd64Reg, 7, 8));
        run_all_values(InsnWriter().put(Op::kLsh32Imm, 7, 0, 0, by).put(Op::kAdd32Reg, 7, 8));
        run_all_values(InsnWriter().put(Op::kLsh32Imm, 7, 0, 0, by).put(Op::kAdd64Reg, 7, 8));
        run_all_values(InsnWriter().put(Op::kLsh64Imm, 7, 0, 0, by).put(Op::kAdd64Reg, 7, 7));
    }
}

TEST(FoldMove, AConstantThatIsOnlyStoredTakesNoRegister) {
    const Op stores[] = {Op::kStoreReg8, Op::kStoreReg16, Op::kStoreReg32, Op::kStoreReg64};
    for (const Op move : {Op::kMov64Imm, Op::kMov32Imm}) {
        for (const Op store : stores) {
            for (const int32_t imm : kBoundaryImmediates) {
                InsnWriter w;
                w.put(move, 3, 0, 0, imm).put(store, 10, 3, -16).mov(3, 0);
                run_all_values(w);
            }
        }
    }
}

TEST(FoldMove, LeavesAPairAloneWhenAJumpLandsOnItsSecond) {
    InsnWriter w;
    w.mov(3, 1).mov(7, 50).put(Op::kJeq64Imm, 3, 0, 1, 1).mov_reg(3, 7).add(3, 5);
    Engines engines(with_registers(w.insns()));
    EXPECT_EQ(engines.run(distinct_machine()).results[3], 6u);
}

TEST(FoldMove, HasTheseBytes) {
    struct Case {
        InsnWriter program;
        std::string bytes;
    };
    const Case cases[] = {
        {InsnWriter().mov_reg(0, 1).add(0, 14).exit(), "48 8d 47 0e c3"},
        {InsnWriter().put(Op::kMov32Reg, 0, 1).put(Op::kAdd32Reg, 0, 2).exit(), "8d 04 37 c3"},
        {InsnWriter().mov_reg(0, 1).put(Op::kAnd64Imm, 0, 0, 0, 0xff).exit(), "40 0f b6 c7 c3"},
        {InsnWriter()
             .mov_reg(0, 1)
             .put(Op::kLsh64Imm, 0, 0, 0, 32)
             .put(Op::kRsh64Imm, 0, 0, 0, 32)
             .exit(),
         "89 f8 c3"},
        {InsnWriter().put(Op::kLsh64Imm, 1, 0, 0, 3).put(Op::kAdd64Reg, 1, 2).mov_reg(0, 1).exit(),
         "48 8d 3c fe 48 89 f8 c3"},
        {InsnWriter().mov(3, 7).put(Op::kStoreReg32, 1, 3, 4).mov(0, 0).exit(),
         "c7 47 04 07 00 00 00 31 c0 c3"},
    };
    for (const Case& c : cases) EXPECT_EQ(code_like(c.program, c.bytes), c.bytes);
}

}  // namespace
}  // namespace weir::tests
