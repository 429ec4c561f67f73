#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/jit/engines.h"

namespace weir::tests {
namespace {

using vm::Format;
using vm::Op;

bool loads(Op op) {
    return vm::op_info(op).spelling == "load_acquire";
}

std::vector<vm::Insn> atomic_at_scratch(Op op, uint8_t base, uint8_t other) {
    InsnWriter w;
    w.load64(base, 10, -8).add(base, kScratchOffset);
    w.append({loads(op) ? make_insn(op, other, base, 16) : make_insn(op, base, other, 16)});
    return with_registers(w.insns());
}

std::vector<Op> atomic_ops() {
    std::vector<Op> ops;
    for (size_t i = 0; i < vm::kOpCount; ++i)
        if (vm::op_info(static_cast<Op>(i)).format == Format::Atomic)
            ops.push_back(static_cast<Op>(i));
    return ops;
}

TEST(EmitAtomic, AgreesOnEveryRegisterPair) {
    for (const Op op : atomic_ops()) {
        for (uint8_t base = 0; base < kRegisters; ++base) {
            for (uint8_t other = 0; other < kRegisters; ++other) {
                Engines engines(atomic_at_scratch(op, base, other));
                engines.run(distinct_machine());
                ASSERT_FALSE(HasFailure())
                    << vm::op_info(op).name << " r" << int{base} << ", r" << int{other};
            }
        }
    }
}

TEST(EmitAtomic, AgreesOnBoundaryValues) {
    for (const Op op : atomic_ops()) {
        Engines engines(atomic_at_scratch(op, 7, 3));
        for (const uint64_t value : kBoundaryValues) {
            for (const uint64_t held : kBoundaryValues) {
                Machine machine = distinct_machine();
                machine.registers[3] = value;
                machine.registers[0] = held;  // so that cmpxchg succeeds
                std::memcpy(&machine.scratch[16], &held, sizeof held);
                engines.run(machine);
                machine.registers[0] = value;  // so that it does not, mostly
                engines.run(machine);
            }
            ASSERT_FALSE(HasFailure()) << vm::op_info(op).name;
        }
    }
}

TEST(EmitAtomic, FetchReturnsTheOldValue) {
    Machine machine = distinct_machine();
    const uint64_t held = 0xf0f0;
    std::memcpy(&machine.scratch[16], &held, sizeof held);
    machine.registers[3] = 0xff00;
    Engines engines(atomic_at_scratch(Op::kAtomicFetchAnd64, 7, 3));
    const Machine after = engines.run(machine);
    uint64_t left = 0;
    std::memcpy(&left, &after.scratch[16], sizeof left);
    EXPECT_EQ(after.results[3], 0xf0f0u);
    EXPECT_EQ(left, 0xf000u);
}

TEST(EmitAtomic, NarrowCompareExchangeClearsTheUpperHalf) {
    Machine machine = distinct_machine();
    machine.registers[0] = 0xdead'beef'0000'0005;
    const uint64_t held = 5;
    std::memcpy(&machine.scratch[16], &held, sizeof held);
    Engines engines(atomic_at_scratch(Op::kAtomicCmpxchg32, 7, 3));
    EXPECT_EQ(engines.run(machine).results[0], 5u);
}

}  // namespace
}  // namespace weir::tests
