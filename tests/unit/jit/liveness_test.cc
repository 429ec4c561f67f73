#include "jit/liveness.h"

#include <gtest/gtest.h>

#include <random>

#include "jit/analysis.h"
#include "tests/support/insns.h"
#include "vm/base/limits.h"

namespace weir::jit {
namespace {

using tests::InsnWriter;
using vm::Op;

struct Analysed {
    explicit Analysed(const InsnWriter& w, std::vector<vm::InsnFact> proven = {})
        : slots(vm::decode_program(w.insns()).value()), facts(std::move(proven)) {
        input.slots = slots;
        input.facts = facts;
        input.functions = find_functions(slots, kStackBytes);
        liveness = analyse(input).value().liveness;
    }
    std::vector<vm::DecodedSlot> slots;
    std::vector<vm::InsnFact> facts;
    CompileInput input;
    Liveness liveness;
};

RegisterSet set(std::initializer_list<int> registers) {
    RegisterSet bits = 0;
    for (const int i : registers) bits = static_cast<RegisterSet>(bits | (1u << i));
    return bits;
}

TEST(Liveness, EndsAtTheLastReadAndBeginsAtTheWrite) {
    InsnWriter w;
    w.mov(3, 1).mov_reg(0, 3).put(Op::kAdd64Reg, 0, 2).exit();
    const Analysed a(w);
    EXPECT_EQ(a.liveness.before(0), set({2}));
    EXPECT_EQ(a.liveness.after(0), set({2, 3}));
    EXPECT_TRUE(a.liveness.is_dead_after(1, 3));
    EXPECT_EQ(a.liveness.before(3), set({0}));
    EXPECT_EQ(a.liveness.after(3), 0);
}

TEST(Liveness, WhatOnlyFeedsUnreadResultsIsUnread) {
    InsnWriter w;
    w.mov(3, 1).put(Op::kAdd64Reg, 4, 3).put(Op::kLoad64, 5, 2, 0).mov(0, 0).exit();
    EXPECT_EQ(Analysed(w).liveness.before(0), set({2}));  // a load keeps its address
}

TEST(Liveness, JoinsBothSidesOfAJump) {
    InsnWriter w;
    w.put(Op::kJeq64Imm, 1, 0, 2, 0).mov_reg(0, 6).exit().mov_reg(0, 7).exit();
    EXPECT_EQ(Analysed(w).liveness.before(0), set({1, 6, 7}));
}

TEST(Liveness, GoesAroundLoops) {
    InsnWriter w;
    // r6 is read at the loop's head only, r7 behind it.
    w.mov(0, 0).put(Op::kAdd64Reg, 0, 6).mov(3, 1).put(Op::kJne64Imm, 0, 0, -3, 9);
    w.mov_reg(0, 7).exit();
    const Liveness liveness = Analysed(w).liveness;
    EXPECT_EQ(liveness.before(3), set({0, 6, 7}));
    EXPECT_EQ(liveness.before(0), set({6, 7}));
    EXPECT_TRUE(liveness.is_dead_after(2, 3));
}

TEST(Liveness, NestedLoopsReachWhatIsReadOutside) {
    InsnWriter w;
    w.mov(0, 0);                                             // 0
    w.add(0, 1).put(Op::kJne64Imm, 0, 0, -2, 3);             // 1 2: inner
    w.put(Op::kJne64Imm, 1, 0, -3, 0);                       // 3: outer, to the inner
    w.put(Op::kJne64Imm, 2, 0, -5, 0).mov_reg(0, 9).exit();  // 4: outermost
    const Liveness liveness = Analysed(w).liveness;
    EXPECT_EQ(liveness.before(1), set({0, 1, 2, 9}));
    EXPECT_EQ(liveness.before(2), set({0, 1, 2, 9}));
}

TEST(Liveness, CallsEndTheArgumentsAndTakeWhatTheyRead) {
    InsnWriter w;
    w.put(Op::kCallLocal, 0, 0, 0, 1).exit().mov_reg(0, 2).exit();
    const Liveness liveness = Analysed(w).liveness;
    EXPECT_EQ(liveness.before(0), kArgumentRegisters);
    EXPECT_EQ(liveness.after(0), set({0}));
    EXPECT_EQ(liveness.before(2), set({2}));
}

TEST(Liveness, OneSidedJumpsReadNothingOnTheOtherSide) {
    InsnWriter w;
    w.put(Op::kJeq64Imm, 1, 0, 2, 0).mov_reg(0, 6).exit().mov_reg(0, 7).exit();
    std::vector<vm::InsnFact> facts(5);
    for (vm::InsnFact& fact : facts) fact.reachable = true;
    facts[0].jumps = true;
    facts[1].reachable = facts[2].reachable = false;
    const Liveness liveness = Analysed(w, facts).liveness;
    EXPECT_EQ(liveness.before(0), set({1, 7}));
    EXPECT_EQ(liveness.before(1), 0);
}

/// The definition, iterated until nothing changes.
std::vector<RegisterSet> by_definition(const CompileInput& input) {
    std::vector<RegisterSet> before(input.slots.size());
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t slot = 0; slot < input.slots.size(); ++slot) {
            if (!input.reachable(slot)) continue;
            const Successors next = successors_of(input, slot);
            RegisterSet live = 0;
            for (const uint32_t after : {next.next, next.target})
                if (after != Successors::kNone) live |= before[after];
            const vm::DecodedInsn& insn = input.slots[slot].insn;
            RegisterUse use = register_use(insn, false);
            if (only_computes(insn.op) && (live & use.writes) == 0) use.reads = 0;
            const auto wanted = static_cast<RegisterSet>((live & ~use.writes) | use.reads);
            changed |= before[slot] != wanted;
            before[slot] = wanted;
        }
    }
    return before;
}

InsnWriter random_flow(std::mt19937& random) {
    constexpr int kInsns = 40;
    const auto below = [&random](int bound) {
        return static_cast<int>(random() % static_cast<uint32_t>(bound));
    };
    const auto any = [&] { return static_cast<uint8_t>(below(10)); };
    InsnWriter w;
    for (int slot = 0; slot < kInsns; ++slot) {
        const auto off = static_cast<int16_t>(below(kInsns) - slot - 1);
        switch (below(8)) {
            case 0: w.mov(any(), 1); break;
            case 1: w.mov_reg(any(), any()); break;
            case 2: w.put(Op::kAdd64Reg, any(), any()); break;
            case 3: w.put(Op::kJeq64Reg, any(), any(), off); break;
            case 4: w.put(Op::kJgt64Imm, any(), 0, off, 3); break;
            case 5: w.put(Op::kGoto, 0, 0, off); break;
            case 6: w.call(1); break;
            case 7: below(3) == 0 ? w.exit() : w.mov(any(), 2); break;
        }
    }
    return w.exit();
}

TEST(Liveness, IsTheLeastSolutionOnRandomFlow) {
    std::mt19937 random(20261129);
    for (int i = 0; i < 500; ++i) {
        const Analysed a(random_flow(random));
        const std::vector<RegisterSet> wanted = by_definition(a.input);
        for (size_t slot = 0; slot < wanted.size(); ++slot)
            ASSERT_EQ(a.liveness.before(slot), wanted[slot])
                << "program " << i << ", slot " << slot;
    }
}

}  // namespace
}  // namespace weir::jit
