#include "jit/rename.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "jit/registers.h"
#include "tests/unit/jit/engines.h"
#include "vm/base/limits.h"

namespace weir::tests {
namespace {

using vm::Op;

/// The names that the program's registers have in `slot` after renaming, or before it.
struct Renamed {
    explicit Renamed(const InsnWriter& w) : slots(vm::decode_program(w.insns()).value()) {
        jit::CompileInput input;
        input.slots = slots;
        input.functions = jit::find_functions(slots, kStackBytes);
        auto renamed = jit::rename_saved_registers(input, jit::analyse(input).value());
        changed = renamed.has_value();
        if (renamed) slots = std::move(*renamed);
    }
    std::vector<vm::DecodedSlot> slots;
    bool changed = false;
};

TEST(Rename, WhatLivesOverNoCallNeedsNoSavedRegister) {
    InsnWriter w;
    w.put(Op::kLoad64, 7, 1, 0).put(Op::kLoad8, 2, 7, 12).put(Op::kLoad8, 0, 7, 13);
    w.put(Op::kAdd64Reg, 0, 2).exit();
    const Renamed renamed(w);
    ASSERT_TRUE(renamed.changed);
    const uint8_t name = renamed.slots[0].insn.dst;
    EXPECT_LT(name, 6);
    EXPECT_NE(name, 2);
    EXPECT_EQ(renamed.slots[1].insn.src, name);
    EXPECT_EQ(renamed.slots[2].insn.src, name);
}

TEST(Rename, WhatLivesOverACallKeepsItsName) {
    InsnWriter w;
    w.put(Op::kLoad64, 7, 1, 0).call(1).put(Op::kAdd64Reg, 0, 7).exit();
    EXPECT_FALSE(Renamed(w).changed);
}

TEST(Rename, ACopyMayShareItsSourcesRegister) {
    InsnWriter w;
    w.mov_reg(6, 1).put(Op::kLoad8, 2, 6, 0).put(Op::kLoad8, 3, 6, 1);
    w.mov_reg(0, 2).put(Op::kAdd64Reg, 0, 3).exit();
    const Renamed renamed(w);
    EXPECT_EQ(renamed.slots[0].insn.dst, 1);
    EXPECT_EQ(renamed.slots[2].insn.src, 1);
}

TEST(Rename, RegistersThatAreNeededTogetherStayApart) {
    InsnWriter w;
    for (uint8_t reg = 2; reg < kRegisters; ++reg) w.put(Op::kLoad8, reg, 1, reg);
    w.mov(0, 0);
    for (uint8_t reg = 1; reg < kRegisters; ++reg) w.put(Op::kAdd64Reg, 0, reg);
    w.exit();
    const Renamed renamed(w);
    std::set<uint8_t> names = {1};
    for (size_t slot = 0; slot < 8; ++slot) names.insert(renamed.slots[slot].insn.dst);
    EXPECT_EQ(names.size(), 9u);
}

TEST(Rename, SpareRegistersServeOnlyWhereNothingNeedsScratch) {
    const auto highest_name = [](const vm::Insn& insn) {
        InsnWriter w;
        for (uint8_t reg = 2; reg < kRegisters; ++reg) w.put(Op::kLoad8, reg, 1, reg);
        w.mov(0, 0).append({insn});
        for (uint8_t reg = 1; reg < kRegisters; ++reg) w.put(Op::kAdd64Reg, 0, reg);
        const Renamed renamed(w.exit());
        uint8_t highest = 0;
        for (const vm::DecodedSlot& slot : renamed.slots)
            highest = std::max(highest, slot.insn.dst);
        return highest;
    };
    EXPECT_GE(highest_name(make_insn(Op::kAdd64Reg, 2, 3)), jit::kSpareFirst);
    EXPECT_EQ(highest_name(make_insn(Op::kDiv64Reg, 2, 3)), 9);
    EXPECT_EQ(highest_name(make_insn(Op::kAtomicFetchOr64, 1, 3)), 9);
}

/// Forward code over all registers; r1 points to memory and stays.
InsnWriter random_code(std::mt19937& random) {
    constexpr int kInsns = 40;
    constexpr int kStart = 9;
    const auto below = [&random](int bound) {
        return static_cast<int>(random() % static_cast<uint32_t>(bound));
    };
    const auto any = [&] { return static_cast<uint8_t>(below(10)); };
    const auto other = [&] {
        const uint8_t reg = any();
        return reg == 1 ? uint8_t{6} : reg;
    };
    InsnWriter w;
    for (uint8_t reg = 0; reg < kRegisters; ++reg)
        if (reg != 1) w.mov(reg, below(1000));
    for (int i = 0; i < kInsns; ++i) {
        switch (below(9)) {
            case 0: w.mov(other(), below(100)); break;
            case 1: w.mov_reg(other(), any()); break;
            case 2: w.put(Op::kMov32Reg, other(), any()); break;
            case 3: w.put(Op::kAdd64Reg, other(), other()); break;
            case 4: w.put(Op::kLoad8, other(), 1, static_cast<int16_t>(below(64))); break;
            case 5: w.put(Op::kLsh64Imm, other(), 0, 0, 8 * below(4)); break;
            case 6: w.put(Op::kOr64Reg, other(), other()); break;
            case 7: w.put(Op::kAnd64Imm, other(), 0, 0, 0xff); break;
            case 8:
                w.put(Op::kJgt64Reg, other(), other(), static_cast<int16_t>(below(kInsns - i)));
                break;
        }
    }
    EXPECT_EQ(w.size(), static_cast<size_t>(kStart + kInsns));
    return w.put(Op::kAdd64Reg, 0, 6).put(Op::kXor64Reg, 0, 7).exit();
}

TEST(Rename, RandomCodeComputesTheSame) {
    std::mt19937 random(20261129);
    int changed = 0;
    for (int i = 0; i < 500; ++i) {
        const InsnWriter w = random_code(random);
        changed += Renamed(w).changed ? 1 : 0;
        Engines(w.insns()).run(distinct_machine());
        ASSERT_FALSE(HasFailure()) << i;
    }
    EXPECT_GT(changed, 20);
}

}  // namespace
}  // namespace weir::tests
