#include "jit/register_use.h"

#include <gtest/gtest.h>

#include "tests/unit/jit/engines.h"

namespace weir::tests {
namespace {

using jit::RegisterSet;
using vm::Format;
using vm::Op;

vm::DecodedInsn decoded(Op op, uint8_t dst, uint8_t src, int32_t imm = 0) {
    return {.op = op, .dst = dst, .src = src, .imm = imm};
}

RegisterSet set(std::initializer_list<int> registers) {
    RegisterSet bits = 0;
    for (const int i : registers)
        bits = static_cast<RegisterSet>(bits | jit::set_of(static_cast<uint8_t>(i)));
    return bits;
}

TEST(RegisterUse, NamesWhatIsReadAndWritten) {
    struct Case {
        Op op;
        RegisterSet reads, writes;
    };
    const Case cases[] = {
        {Op::kMov64Imm, 0, set({6})},
        {Op::kMov32Reg, set({7}), set({6})},
        {Op::kMovSx8To64, set({7}), set({6})},
        {Op::kAdd64Imm, set({6}), set({6})},
        {Op::kAdd64Reg, set({6, 7}), set({6})},
        {Op::kNeg64, set({6}), set({6})},
        {Op::kLoad32, set({7}), set({6})},
        {Op::kStoreReg8, set({6, 7}), 0},
        {Op::kStoreImm64, set({6}), 0},
        {Op::kJeq64Imm, set({6}), 0},
        {Op::kJeq64Reg, set({6, 7}), 0},
        {Op::kGoto, 0, 0},
        {Op::kExit, set({0}), 0},
        {Op::kAtomicAdd64, set({6, 7}), 0},
        {Op::kAtomicFetchAdd64, set({6, 7}), set({7})},
        {Op::kAtomicCmpxchg64, set({0, 6, 7}), set({0})},
        {Op::kLoadAcquire64, set({7}), set({6})},
        {Op::kStoreRelease64, set({6, 7}), 0},
    };
    for (const Case& c : cases) {
        const jit::RegisterUse use = jit::register_use(decoded(c.op, 6, 7), true);
        EXPECT_EQ(use.reads, c.reads) << vm::op_info(c.op).name;
        EXPECT_EQ(use.writes, c.writes) << vm::op_info(c.op).name;
    }
}

TEST(RegisterUse, ACallReadsTheArgumentsOfItsPrototypeWhereIdsHaveTheirMeaning) {
    constexpr int32_t kLookup = 1, kKtime = 5, kUnknown = 255;
    const auto reads = [](int32_t helper, bool proven) {
        return jit::register_use(decoded(Op::kCallHelper, 0, 0, helper), proven).reads;
    };
    EXPECT_EQ(reads(kLookup, true), set({1, 2}));
    EXPECT_EQ(reads(kKtime, true), 0);
    EXPECT_EQ(reads(kLookup, false), set({1, 2, 3, 4, 5}));
    EXPECT_EQ(reads(kUnknown, true), set({1, 2, 3, 4, 5}));
    EXPECT_EQ(jit::register_use(decoded(Op::kCallHelper, 0, 0, kLookup), true).writes,
              set({0, 1, 2, 3, 4, 5}));
}

/// What an instruction leaves alone it does not write, and what it does not read cannot change it:
/// both shown by running every form in the interpreter.
TEST(RegisterUse, AgreesWithWhatTheInterpreterDoes) {
    for (size_t i = 0; i < vm::kOpCount; ++i) {
        const auto op = static_cast<Op>(i);
        const Format format = vm::op_info(op).format;
        const bool computes = format == Format::AluImm || format == Format::AluReg ||
                              format == Format::AluUnary || format == Format::ByteOrder;
        if (!computes) continue;
        const bool has_imm = format == Format::AluImm, has_src = format == Format::AluReg;
        const vm::Insn insn = make_insn(op, 6, has_src ? 7 : 0, 0, has_imm ? 5 : 0);
        Engines engines(with_registers({insn}));
        const jit::RegisterUse use = jit::register_use(decoded(op, 6, 7, 5), true);
        const Machine before = distinct_machine(), after = engines.run(before);
        for (uint8_t reg = 0; reg < kRegisters; ++reg) {
            if ((use.writes & jit::set_of(reg)) == 0) {
                EXPECT_EQ(after.results[reg], before.registers[reg]) << vm::op_info(op).name;
            }
            if ((use.reads & jit::set_of(reg)) != 0) continue;
            Machine other = before;
            other.registers[reg] ^= 0x5a5a'0000'5a5a;
            EXPECT_EQ(engines.run(other).results[6], after.results[6]) << vm::op_info(op).name;
        }
    }
}

}  // namespace
}  // namespace weir::tests
