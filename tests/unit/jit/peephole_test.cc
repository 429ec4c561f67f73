#include <gtest/gtest.h>

#include "jit/unverified.h"
#include "tests/unit/jit/engines.h"

namespace weir::tests {
namespace {

using vm::Op;

TEST(Peephole, MoveAndAddAgreeOnEveryRegisterPair) {
    for (uint8_t dst = 0; dst < kRegisters; ++dst) {
        for (uint8_t src = 0; src < kRegisters; ++src) {
            for (const int32_t imm : {0, 14, -129, INT32_MIN}) {
                InsnWriter w;
                w.mov_reg(dst, src).add(dst, imm);
                Engines engines(with_registers(w.insns()));
                engines.run(distinct_machine());
            }
            ASSERT_FALSE(HasFailure()) << int{dst} << " " << int{src};
        }
    }
}

TEST(Peephole, ShiftPairsCutOrExtendTo64Bits) {
    for (const Op second : {Op::kRsh64Imm, Op::kArsh64Imm}) {
        InsnWriter w;
        w.put(Op::kLsh64Imm, 3, 0, 0, 32).put(second, 3, 0, 0, 32);
        Engines engines(with_registers(w.insns()));
        for (const uint64_t value : kBoundaryValues) {
            Machine machine = distinct_machine();
            machine.registers[3] = value;
            engines.run(machine);
        }
    }
}

TEST(Peephole, LeavesAPairAloneWhenAJumpLandsOnItsSecond) {
    InsnWriter w;
    w.mov(3, 1).mov(7, 50).put(Op::kJeq64Imm, 3, 0, 1, 1).mov_reg(3, 7).add(3, 5);
    Engines engines(with_registers(w.insns()));
    EXPECT_EQ(engines.run(distinct_machine()).results[3], 6u);
}

TEST(Peephole, FusesToFewerBytes) {
    InsnWriter pair, apart;
    pair.mov_reg(0, 1).add(0, 14).exit();
    apart.mov_reg(0, 1).mov_reg(2, 1).add(0, 14).exit();
    const auto fused = jit::TESTING_ONLY_compile_unverified(pair.insns(), test_helpers());
    const auto plain = jit::TESTING_ONLY_compile_unverified(apart.insns(), test_helpers());
    ASSERT_TRUE(fused && plain);
    const std::vector<uint8_t> lea = {0x48, 0x8d, 0x47, 0x0e, 0xc3};  // lea rax, [rdi+14]; ret
    EXPECT_TRUE(std::equal(lea.begin(), lea.end(), fused->code().begin()));
    EXPECT_LT(fused->code().size(), plain->code().size() + 1);
}

}  // namespace
}  // namespace weir::tests
