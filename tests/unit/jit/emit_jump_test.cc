#include <gtest/gtest.h>

#include "tests/unit/jit/engines.h"

namespace weir::tests {
namespace {

using vm::Format;
using vm::Op;

constexpr int16_t kFlag = -16;

std::vector<Op> ops_of(Format format) {
    std::vector<Op> ops;
    for (size_t i = 0; i < vm::kOpCount; ++i)
        if (vm::op_info(static_cast<Op>(i)).format == format) ops.push_back(static_cast<Op>(i));
    return ops;
}

/// The flag stays 0 where the jump is taken.
std::vector<vm::Insn> jump_over_flag(Op op, uint8_t dst, uint8_t src, int32_t imm) {
    return with_registers(
        {make_insn(op, dst, src, 1, imm), make_insn(Op::kStoreImm64, 10, 0, kFlag, 1)});
}

TEST(EmitJump, RegisterFormsAgreeOnBoundaryValues) {
    for (const Op op : ops_of(Format::JumpReg)) {
        Engines engines(jump_over_flag(op, 2, 7, 0));
        for (const uint64_t a : kBoundaryValues) {
            for (const uint64_t b : kBoundaryValues) {
                Machine machine = distinct_machine();
                machine.registers[2] = a;
                machine.registers[7] = b;
                engines.run(machine);
                ASSERT_FALSE(HasFailure())
                    << vm::op_info(op).name << std::hex << " " << a << " " << b;
            }
        }
    }
}

TEST(EmitJump, RegisterFormsAgreeOnEveryRegisterPair) {
    for (const Op op : ops_of(Format::JumpReg)) {
        for (uint8_t dst = 0; dst < kRegisters; ++dst) {
            for (uint8_t src = 0; src < kRegisters; ++src) {
                Engines engines(jump_over_flag(op, dst, src, 0));
                engines.run(distinct_machine());
                ASSERT_FALSE(HasFailure())
                    << vm::op_info(op).name << " r" << int{dst} << ", r" << int{src};
            }
        }
    }
}

TEST(EmitJump, ImmediateFormsAgreeOnBoundaryValues) {
    for (const Op op : ops_of(Format::JumpImm)) {
        for (const int32_t imm : kBoundaryImmediates) {
            for (const uint8_t dst : std::initializer_list<uint8_t>{0, 2, 9}) {
                Engines engines(jump_over_flag(op, dst, 0, imm));
                for (const uint64_t value : kBoundaryValues) {
                    Machine machine = distinct_machine();
                    machine.registers[dst] = value;
                    engines.run(machine);
                    ASSERT_FALSE(HasFailure())
                        << vm::op_info(op).name << " imm " << imm << std::hex << " " << value;
                }
            }
        }
    }
}

TEST(EmitJump, JsetTestsTheSignExtendedImmediate) {
    Engines engines(jump_over_flag(Op::kJset64Imm, 3, 0, INT32_MIN));
    Machine machine = distinct_machine();
    machine.registers[3] = 1ull << 40;
    EXPECT_EQ(engines.run(machine).flag, 0u);
    machine.registers[3] = 1;
    EXPECT_EQ(engines.run(machine).flag, 1u);
}

TEST(EmitJump, GotoSkipsForwardAndBack) {
    InsnWriter w;
    w.mov(0, 1)
        .put(Op::kGoto, 0, 0, 2)
        .add(0, 10)
        .exit()
        .add(0, 100)
        .put(Op::kGotoLong, 0, 0, 0, -4);
    Engines engines(w.insns());
    engines.run(distinct_machine());
    EXPECT_EQ(engines.r0(), 111u);
}

TEST(EmitJump, LoopRunsUntilItsBound) {
    InsnWriter w;
    w.mov(0, 0).mov(2, 64).add(0, 3).add(2, -1).put(Op::kJne64Imm, 2, 0, -3, 0).exit();
    Engines engines(w.insns());
    engines.run(distinct_machine());
    EXPECT_EQ(engines.r0(), 192u);
}

TEST(EmitJump, ConditionalJumpToExitReturns) {
    InsnWriter w;
    w.mov(0, 5).put(Op::kJeq64Imm, 0, 0, 1, 5).mov(0, 6).exit();
    Engines engines(w.insns());
    engines.run(distinct_machine());
    EXPECT_EQ(engines.r0(), 5u);
}

TEST(EmitJump, ReachesOverManyInstructions) {
    constexpr int kFar = 20'000;
    InsnWriter w;
    w.mov(0, 1).put(Op::kJeq64Imm, 0, 0, kFar, 1);
    for (int i = 0; i < kFar; ++i) w.add(0, 1000);
    w.exit();
    Engines engines(w.insns());
    engines.run(distinct_machine());
    EXPECT_EQ(engines.r0(), 1u);
}

}  // namespace
}  // namespace weir::tests
