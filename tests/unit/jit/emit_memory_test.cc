#include <gtest/gtest.h>

#include "tests/unit/jit/engines.h"

namespace weir::tests {
namespace {

using vm::Format;
using vm::Op;

/// Puts the address of the scratch bytes into `base`, then does `insn`.
std::vector<vm::Insn> at_scratch(uint8_t base, const vm::Insn& insn) {
    InsnWriter w;
    w.load64(base, 10, -8).add(base, kScratchOffset + 32).append({insn});
    return with_registers(w.insns());
}

const int16_t kOffsets[] = {0, 8, -8, 1, -32, 24};

void run_everywhere(Op op, bool base_is_dst) {
    for (uint8_t base = 0; base < kRegisters; ++base) {
        for (uint8_t other = 0; other < kRegisters; ++other) {
            const uint8_t dst = base_is_dst ? base : other, src = base_is_dst ? other : base;
            const int16_t off = kOffsets[(base + other) % std::size(kOffsets)];
            Engines engines(at_scratch(base, make_insn(op, dst, src, off, -2)));
            engines.run(distinct_machine());
            ASSERT_FALSE(testing::Test::HasFailure())
                << vm::op_info(op).name << " base r" << int{base} << " other r" << int{other};
        }
    }
}

TEST(EmitMemory, LoadsStoresAndAtomicsAgreeOnEveryRegisterPair) {
    for (size_t i = 0; i < vm::kOpCount; ++i) {
        const Op op = static_cast<Op>(i);
        const Format format = vm::op_info(op).format;
        if (format == Format::Load) run_everywhere(op, false);
        if (format == Format::StoreReg || format == Format::StoreImm) run_everywhere(op, true);
        ASSERT_FALSE(HasFailure());
    }
}

TEST(EmitMemory, OffsetsOfEverySizeAgree) {
    for (const int16_t off : kOffsets) {
        for (const Op op : {Op::kLoad8, Op::kLoadSx16, Op::kLoad32, Op::kLoad64}) {
            Engines engines(at_scratch(7, make_insn(op, 3, 7, off)));
            engines.run(distinct_machine());
        }
        ASSERT_FALSE(HasFailure()) << off;
    }
}

TEST(EmitMemory, SignExtendingLoadsReachTheUpperHalf) {
    Machine machine = distinct_machine();
    machine.scratch[32] = 0x80;
    Engines engines(at_scratch(7, make_insn(Op::kLoadSx8, 3, 7, 0)));
    EXPECT_EQ(engines.run(machine).results[3], 0xffff'ffff'ffff'ff80u);
}

TEST(EmitMemory, StackHoldsWhatWasStored) {
    for (const int16_t off : {int16_t{-128}, int16_t{-129}, int16_t{-512}, int16_t{-200}}) {
        InsnWriter w;
        w.put(Op::kStoreReg8, 10, 5, off).put(Op::kLoad8, 7, 10, off);
        Engines engines(with_registers(w.insns()));
        EXPECT_EQ(engines.run(distinct_machine()).results[7], 0x6bu);
    }
}

TEST(EmitMemory, WideImmediatesAgree) {
    for (const uint64_t value : kBoundaryValues) {
        for (uint8_t dst = 0; dst < kRegisters; ++dst) {
            InsnWriter w;
            w.load_imm64(dst, value);
            Engines engines(with_registers(w.insns()));
            EXPECT_EQ(engines.run(distinct_machine()).results[dst], value);
        }
    }
}

}  // namespace
}  // namespace weir::tests
