#include <gtest/gtest.h>

#include "tests/unit/jit/code_bytes.h"

namespace weir::tests {
namespace {

using vm::Op;

/// r6 points to the scratch bytes.
void run_body(const InsnWriter& body) {
    InsnWriter w;
    w.load64(6, 10, -8).add(6, kScratchOffset).append(body.insns());
    Engines(with_registers(w.insns())).run(distinct_machine());
    ASSERT_FALSE(testing::Test::HasFailure()) << raw_listing(body.insns());
}

InsnWriter two_bytes(uint8_t low, uint8_t high, uint8_t base, Op shift, Op join) {
    InsnWriter w;
    w.put(Op::kLoad8, low, base, 12).put(Op::kLoad8, high, base, 13);
    return w.put(shift, high, 0, 0, 8).put(join, high, low);
}

TEST(FoldBytes, TwoBytesAgreeOnEveryRegister) {
    for (const Op shift : {Op::kLsh64Imm, Op::kLsh32Imm}) {
        for (const Op join : {Op::kOr64Reg, Op::kOr32Reg}) {
            for (uint8_t low = 0; low < 6; ++low) {
                for (uint8_t high = 0; high < kRegisters; ++high) {
                    if (low == high || high == 6) continue;
                    InsnWriter dead = two_bytes(low, high, 6, shift, join);
                    run_body(dead);  // both are read behind it
                    run_body(dead.mov(low, 0));
                }
            }
        }
    }
}

TEST(FoldBytes, FourBytesInAnyOrderAgree) {
    InsnWriter w;
    w.put(Op::kLoad8, 3, 6, 1).put(Op::kLoad8, 4, 6, 0);
    w.put(Op::kLsh64Imm, 3, 0, 0, 8).put(Op::kOr64Reg, 3, 4);
    w.put(Op::kLoad8, 4, 6, 2).put(Op::kLsh64Imm, 4, 0, 0, 16);
    w.put(Op::kLoad8, 6, 6, 3).put(Op::kLsh64Imm, 6, 0, 0, 24);
    w.put(Op::kOr64Reg, 6, 4).put(Op::kOr64Reg, 6, 3);
    run_body(w);
    run_body(w.mov(3, 0));
    run_body(w.mov(4, 0));
}

TEST(FoldBytes, HalvesOfAWordAgree) {
    InsnWriter w;
    w.put(Op::kLoad16, 3, 6, 2).put(Op::kLsh32Imm, 3, 0, 0, 16).put(Op::kLoad16, 4, 6, 0);
    w.put(Op::kOr32Reg, 3, 4).mov(4, 0);
    run_body(w);
    InsnWriter wide;
    wide.put(Op::kLoad32, 3, 6, 4).put(Op::kLsh64Imm, 3, 0, 0, 32).put(Op::kLoad32, 4, 6, 0);
    wide.put(Op::kOr64Reg, 3, 4).mov(4, 0);
    run_body(wide);
}

TEST(FoldBytes, WhatIsNoFieldStaysAsItIs) {
    // Big-endian order, a gap, bytes on top of each other, shifted out at 32 bits.
    using Case = std::array<int, 3>;
    for (const auto& [first, second, by] :
         {Case{13, 12, 8}, Case{12, 14, 8}, Case{12, 13, 0}, Case{12, 13, 4}, Case{12, 13, 16}}) {
        InsnWriter w;
        w.put(Op::kLoad8, 3, 6, static_cast<int16_t>(first));
        w.put(Op::kLoad8, 4, 6, static_cast<int16_t>(second));
        w.put(Op::kLsh64Imm, 4, 0, 0, by).put(Op::kOr64Reg, 4, 3).mov(3, 0);
        run_body(w);
    }
    InsnWriter cut;
    cut.put(Op::kLoad16, 3, 6, 2).put(Op::kLsh32Imm, 3, 0, 0, 24).put(Op::kLoad8, 4, 6, 0);
    run_body(cut.put(Op::kOr32Reg, 3, 4).mov(4, 0));
}

TEST(FoldBytes, HasTheseBytes) {
    InsnWriter two = two_bytes(2, 3, 1, Op::kLsh64Imm, Op::kOr64Reg), kept = two;
    two.mov_reg(0, 3).exit();
    kept.put(Op::kAdd64Reg, 3, 2).mov_reg(0, 3).exit();
    const std::string one_load = "0f b7 57 0c 48 89 d0 c3";  // movzx edx, word [rdi+12]
    const std::string loads = "0f b6 77 0c 0f b6 57 0d";
    EXPECT_EQ(code_like(two, one_load), one_load);
    EXPECT_EQ(code_like(kept, loads), loads);
}

}  // namespace
}  // namespace weir::tests
