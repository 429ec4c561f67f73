#include <gtest/gtest.h>

#include "jit/unverified.h"
#include "tests/unit/jit/engines.h"

namespace weir::tests {
namespace {

using vm::Op;

TEST(EmitCall, HelperGetsFiveArgumentsAndTheEnvironment) {
    InsnWriter w;
    w.mov(1, 1).mov(2, 2).mov(3, 3).mov(4, 4).mov(5, 5).call(1).exit();
    Engines engines(w.insns());
    engines.run(distinct_machine());
    EXPECT_EQ(engines.r0(), 1u ^ 6u ^ 15u ^ 28u ^ 55u);
}

TEST(EmitCall, SavedRegistersSurviveAHelper) {
    InsnWriter w;
    w.call(2);
    for (uint8_t i = 1; i <= 5; ++i) w.mov(i, 0);  // a call leaves nothing in them
    Engines engines(with_registers(w.insns()));
    const Machine machine = distinct_machine();
    const Machine after = engines.run(machine);
    EXPECT_EQ(after.results[0], 7u);
    for (size_t i = 6; i < kRegisters; ++i) EXPECT_EQ(after.results[i], machine.registers[i]);
}

TEST(EmitCall, CallByRegisterFindsTheHelper) {
    for (uint8_t reg = 0; reg < kRegisters; ++reg) {
        InsnWriter w;
        w.mov(reg, 2).put(Op::kCallReg, reg).exit();
        Engines engines(w.insns());
        engines.run(distinct_machine());
        EXPECT_EQ(engines.r0(), 7u) << int{reg};
    }
}

TEST(EmitCall, CallByRegisterOfNoHelperFails) {
    for (const int32_t id : {3, 255, 256, -1, INT32_MAX}) {
        InsnWriter w;
        w.mov(6, id).put(Op::kCallReg, 6).mov(0, 9).exit();
        const auto program = jit::TESTING_ONLY_compile_unverified(w.insns(), test_helpers());
        ASSERT_TRUE(program.has_value());
        (*program)(nullptr, 0);
        EXPECT_TRUE(program->failed()) << id;
    }
}

TEST(EmitCall, UnknownHelperIsRefused) {
    InsnWriter w;
    w.call(200).exit();
    const auto program = jit::TESTING_ONLY_compile_unverified(w.insns(), test_helpers());
    ASSERT_FALSE(program.has_value());
    EXPECT_EQ(program.error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(program.error().message, "jit: insn 0: helper 200 has no code");
}

/// Main: r6..r9 and a stack value must survive a function that writes all of them.
TEST(EmitCall, LocalCallHasItsOwnFrameAndRegisters) {
    InsnWriter w;
    w.mov(6, 6).mov(7, 7).mov(8, 8).mov(9, 9).put(Op::kStoreImm64, 10, 0, -8, 1000).mov(1, 5);
    w.put(Op::kCallLocal, 0, 0, 0, 7);
    w.put(Op::kAdd64Reg, 0, 6)
        .put(Op::kAdd64Reg, 0, 7)
        .put(Op::kAdd64Reg, 0, 8)
        .put(Op::kAdd64Reg, 0, 9);
    w.load64(1, 10, -8).put(Op::kAdd64Reg, 0, 1).exit();
    w.mov(6, 100)
        .mov(7, 100)
        .mov(8, 100)
        .mov(9, 100)
        .put(Op::kStoreImm64, 10, 0, -8, 77)
        .mov_reg(6, 1)
        .call(2);
    w.put(Op::kAdd64Reg, 0, 6).exit();
    Engines engines(w.insns());
    engines.run(distinct_machine());
    EXPECT_EQ(engines.r0(), 7u + 5 + 6 + 7 + 8 + 9 + 1000);
}

TEST(EmitCall, CallsNestEightFramesDeep) {
    InsnWriter w;
    constexpr int kFrames = 8;
    w.mov(1, 0);
    for (int i = 1; i < kFrames; ++i) {
        w.put(Op::kStoreReg64, 10, 1, -512).add(1, i);
        w.put(Op::kCallLocal, 0, 0, 0, 3);
        w.load64(1, 10, -512).put(Op::kAdd64Reg, 0, 1).exit();
    }
    w.call(2).exit();
    Engines engines(w.insns());
    engines.run(distinct_machine());
    EXPECT_EQ(engines.r0(), 7u + 0 + 1 + 3 + 6 + 10 + 15 + 21);
}

TEST(EmitCall, CallOfTheProgramItselfIsRefused) {
    InsnWriter w;
    w.mov(0, 0).put(Op::kCallLocal, 0, 0, 0, -2).exit();
    const auto program = jit::TESTING_ONLY_compile_unverified(w.insns(), test_helpers());
    ASSERT_FALSE(program.has_value());
    EXPECT_EQ(program.error().message, "jit: insn 1: a program cannot call itself");
}

}  // namespace
}  // namespace weir::tests
