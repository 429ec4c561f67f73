#include <gtest/gtest.h>

#include "tests/unit/jit/engines.h"

namespace weir::tests {
namespace {

using vm::Format;
using vm::Op;

std::vector<Op> ops_of(Format format) {
    std::vector<Op> ops;
    for (size_t i = 0; i < vm::kOpCount; ++i)
        if (vm::op_info(static_cast<Op>(i)).format == format) ops.push_back(static_cast<Op>(i));
    return ops;
}

void run_all_value_pairs(Op op, uint8_t dst, uint8_t src) {
    Engines engines(with_registers({make_insn(op, dst, src)}));
    for (const uint64_t a : kBoundaryValues) {
        for (const uint64_t b : kBoundaryValues) {
            Machine machine = distinct_machine();
            machine.registers[src] = b;
            machine.registers[dst] = a;
            engines.run(machine);
            if (testing::Test::HasFailure())
                FAIL() << vm::op_info(op).name << std::hex << " " << a << " " << b;
        }
    }
}

/// A few values on every pair of registers: encodings and clobbers.
void run_all_register_pairs(Op op) {
    for (uint8_t dst = 0; dst < kRegisters; ++dst) {
        for (uint8_t src = 0; src < kRegisters; ++src) {
            Engines engines(with_registers({make_insn(op, dst, src)}));
            for (const uint64_t value : {0ull, 5ull, ~0ull, 0x8000'0000'8000'0003ull}) {
                Machine machine = distinct_machine();
                machine.registers[src] = value;
                engines.run(machine);
            }
            if (testing::Test::HasFailure())
                FAIL() << vm::op_info(op).name << " r" << int{dst} << ", r" << int{src};
        }
    }
}

TEST(EmitAlu, RegisterFormsAgreeOnBoundaryValues) {
    for (const Op op : ops_of(Format::AluReg)) {
        run_all_value_pairs(op, 2, 7);
        run_all_value_pairs(op, 0, 3);
        run_all_value_pairs(op, 3, 0);
        run_all_value_pairs(op, 4, 5);
        run_all_value_pairs(op, 6, 4);
        ASSERT_FALSE(HasFailure());
    }
}

TEST(EmitAlu, RegisterFormsAgreeOnEveryRegisterPair) {
    for (const Op op : ops_of(Format::AluReg)) {
        run_all_register_pairs(op);
        ASSERT_FALSE(HasFailure());
    }
}

TEST(EmitAlu, ImmediateFormsAgreeOnBoundaryValues) {
    for (const Op op : ops_of(Format::AluImm)) {
        for (const int32_t imm : kBoundaryImmediates) {
            for (const uint8_t dst : std::initializer_list<uint8_t>{0, 1, 3, 4, 9}) {
                Engines engines(with_registers({make_insn(op, dst, 0, 0, imm)}));
                for (const uint64_t value : kBoundaryValues) {
                    Machine machine = distinct_machine();
                    machine.registers[dst] = value;
                    engines.run(machine);
                }
                ASSERT_FALSE(HasFailure()) << vm::op_info(op).name << " imm " << imm;
            }
        }
    }
}

TEST(EmitAlu, ImmediateFormsAgreeOnEveryRegister) {
    for (const Op op : ops_of(Format::AluImm)) {
        for (uint8_t dst = 0; dst < kRegisters; ++dst) {
            Engines engines(with_registers({make_insn(op, dst, 0, 0, 13)}));
            engines.run(distinct_machine());
            ASSERT_FALSE(HasFailure()) << vm::op_info(op).name << " r" << int{dst};
        }
    }
}

TEST(EmitAlu, NegationAndByteOrderAgreeOnEveryRegister) {
    std::vector<Op> ops = ops_of(Format::ByteOrder);
    const std::vector<Op> unary = ops_of(Format::AluUnary);
    ops.insert(ops.end(), unary.begin(), unary.end());
    for (const Op op : ops) {
        for (uint8_t dst = 0; dst < kRegisters; ++dst) {
            Engines engines(with_registers({make_insn(op, dst)}));
            for (const uint64_t value : kBoundaryValues) {
                Machine machine = distinct_machine();
                machine.registers[dst] = value;
                engines.run(machine);
            }
            ASSERT_FALSE(HasFailure()) << vm::op_info(op).name << " r" << int{dst};
        }
    }
}

TEST(EmitAlu, FramePointerIsAnOperand) {
    InsnWriter w;
    w.mov_reg(3, 10).add(3, -40).mov_reg(4, 10).put(Op::kSub64Reg, 4, 3).mov_reg(3, 4);
    Engines engines(with_registers(w.insns()));
    EXPECT_EQ(engines.run(distinct_machine()).results[3], 40u);
}

TEST(EmitAlu, KnownResults) {
    struct Case {
        Op op;
        uint64_t a, b, result;
    };
    const Case cases[] = {
        {Op::kDiv64Reg, 9, 0, 0},
        {Op::kMod64Reg, 9, 0, 9},
        {Op::kMod32Reg, 0xffff'ffff'0000'0009, 0, 9},
        {Op::kSdiv64Reg, 1ull << 63, ~0ull, 1ull << 63},
        {Op::kSmod64Reg, 1ull << 63, ~0ull, 0},
        {Op::kSdiv32Reg, 1ull << 31, 0xffff'ffff, 1ull << 31},
        {Op::kLsh64Reg, 1, 65, 2},
        {Op::kLsh32Reg, 0xffff'ffff'0000'0001, 32, 1},
        {Op::kMovSx8To64, 0, 0x80, 0xffff'ffff'ffff'ff80},
        {Op::kMovSx16To32, 0, 0x8000, 0xffff'8000},
    };
    for (const Case& c : cases) {
        Engines engines(with_registers({make_insn(c.op, 3, 7)}));
        Machine machine = distinct_machine();
        machine.registers[3] = c.a;
        machine.registers[7] = c.b;
        EXPECT_EQ(engines.run(machine).results[3], c.result) << vm::op_info(c.op).name;
    }
}

}  // namespace
}  // namespace weir::tests
