#include <gtest/gtest.h>

#include "tests/unit/jit/code_bytes.h"

namespace weir::tests {
namespace {

using vm::Op;

/// [r10-16] becomes 1 where the jump is taken; r7 is read afterwards if `keeps`.
InsnWriter masked(Op mask, int32_t imm, Op jump, bool keeps) {
    InsnWriter w;
    w.put(mask, 7, 0, 0, imm).put(jump, 7, 0, 1, 0).put(Op::kGoto, 0, 0, 1);
    w.put(Op::kStoreImm64, 10, 0, -16, 1);
    return keeps ? w : w.mov(7, 0);
}

TEST(FoldCompare, MasksAndComparisonsWithZeroAgree) {
    for (const Op mask : {Op::kAnd64Imm, Op::kAnd32Imm}) {
        for (const Op jump : {Op::kJeq64Imm, Op::kJne64Imm, Op::kJeq32Imm, Op::kJne32Imm,
                              Op::kJgt64Imm, Op::kJslt32Imm}) {
            for (const int32_t imm : kBoundaryImmediates) {
                for (const bool keeps : {false, true}) {
                    Engines engines(with_registers(masked(mask, imm, jump, keeps).insns()));
                    for (const uint64_t value : kBoundaryValues) {
                        Machine machine = distinct_machine();
                        machine.registers[7] = value;
                        engines.run(machine);
                    }
                    ASSERT_FALSE(HasFailure())
                        << vm::op_info(mask).name << " " << imm << ", " << vm::op_info(jump).name;
                }
            }
        }
    }
}

TEST(FoldCompare, HasTheseBytes) {
    InsnWriter dead, kept;
    dead.mov(0, 0).put(Op::kAnd64Imm, 1, 0, 0, 0x20).put(Op::kJeq64Imm, 1, 0, 1, 0);
    dead.mov(0, 1).exit();
    kept.mov_reg(0, 1).put(Op::kAnd32Imm, 0, 0, 0, 0x20).put(Op::kJne32Imm, 0, 0, 1, 0);
    kept.mov(0, 1).exit();
    const std::string tested = "31 c0 40 f6 c7 20";    // test dil, 0x20
    const std::string masks = "48 89 f8 83 e0 20 0f";  // and eax, 0x20; jnz
    EXPECT_EQ(code_like(dead, tested), tested);
    EXPECT_EQ(code_like(kept, masks).substr(0, 17), masks.substr(0, 17));
}

}  // namespace
}  // namespace weir::tests
