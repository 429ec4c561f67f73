#include <gtest/gtest.h>

#include "tests/unit/jit/code_bytes.h"

namespace weir::tests {
namespace {

using vm::Op;

const Op kLoads[] = {Op::kLoad8, Op::kLoad16, Op::kLoad32, Op::kLoad64};
const Op kStores[] = {Op::kStoreReg8, Op::kStoreReg16, Op::kStoreReg32, Op::kStoreReg64};
const Op kImmediateForms[] = {Op::kAdd64Imm, Op::kSub64Imm, Op::kOr64Imm,  Op::kAnd64Imm,
                              Op::kXor64Imm, Op::kAdd32Imm, Op::kXor32Imm, Op::kMul64Imm};
const Op kRegisterForms[] = {Op::kAdd64Reg, Op::kSub64Reg, Op::kOr64Reg,  Op::kAnd64Reg,
                             Op::kXor64Reg, Op::kAdd32Reg, Op::kSub32Reg, Op::kOr32Reg,
                             Op::kAnd32Reg, Op::kXor32Reg, Op::kMul32Reg};

/// r6 points to the scratch bytes, r3 is for `body`, and forgotten behind it unless `keeps`.
void run_body(const InsnWriter& body, bool keeps = false) {
    InsnWriter w;
    w.load64(6, 10, -8).add(6, kScratchOffset).append(body.insns());
    if (!keeps) w.mov(3, 0);
    Engines engines(with_registers(w.insns()));
    for (const uint64_t value : kBoundaryValues) {
        Machine machine = distinct_machine();
        for (size_t i = 0; i < 8; ++i)
            machine.scratch[8 + i] = static_cast<uint8_t>(value >> (8 * i));
        machine.registers[7] = ~value * 3;
        engines.run(machine);
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << raw_listing(w.insns());
}

TEST(FoldMemory, ReadModifyWriteAgreesInEveryWidth) {
    for (size_t width = 0; width < 4; ++width) {
        const InsnWriter load = InsnWriter().put(kLoads[width], 3, 6, 8);
        const InsnWriter store = InsnWriter().put(kStores[width], 6, 3, 8);
        const auto run_with = [&](const vm::Insn& middle) {
            InsnWriter w = load;
            w.append({middle}).append(store.insns());
            run_body(w);
            run_body(w, true);
        };
        for (const Op op : kImmediateForms)
            for (const int32_t imm : {1, -1, 127, -128, 128, 0xffff, INT32_MIN})
                run_with(make_insn(op, 3, 0, 0, imm));
        for (const Op op : kRegisterForms) {
            run_with(make_insn(op, 3, 7));
            run_with(make_insn(op, 3, 6));
            run_with(make_insn(op, 3, 3));
        }
        ASSERT_FALSE(HasFailure());
    }
}

TEST(FoldMemory, SumsIntoMemoryAgreeInEveryWidth) {
    for (size_t width = 0; width < 4; ++width) {
        for (const Op op : kRegisterForms) {
            InsnWriter sum;
            sum.put(kLoads[width], 3, 6, 8).put(op, 7, 3).put(kStores[width], 6, 7, 8);
            run_body(sum);  // r7 is read behind it
            run_body(sum.mov(7, 0));
            run_body(sum, true);
            InsnWriter base;
            base.put(kLoads[width], 3, 6, 8).put(op, 6, 3);
            base.load64(6, 10, -8).add(6, kScratchOffset).put(kStores[width], 6, 7, 8);
            run_body(base);
        }
        ASSERT_FALSE(HasFailure());
    }
}

TEST(FoldMemory, LoadsThatSwapBytesAgree) {
    const Op swaps[] = {Op::kBe16,    Op::kBe32,    Op::kBe64, Op::kBswap16,
                        Op::kBswap32, Op::kBswap64, Op::kLe16, Op::kLe32};
    for (const Op load : kLoads)
        for (const Op swap : swaps)
            run_body(InsnWriter().put(load, 3, 6, 8).put(swap, 3).mov_reg(8, 3));
}

TEST(FoldMemory, LoadsFromSumsAgree) {
    for (const Op load : {Op::kLoad8, Op::kLoad16, Op::kLoad32, Op::kLoad64, Op::kLoadSx8}) {
        InsnWriter copied;
        copied.mov(8, 3).mov_reg(3, 6).put(Op::kAdd64Reg, 3, 8).put(load, 4, 3, 5);
        run_body(copied);
        run_body(copied, true);
        InsnWriter onto;
        onto.mov(8, 3).mov_reg(3, 6).put(Op::kAdd64Reg, 3, 8).put(load, 3, 3, -1).mov_reg(4, 3);
        run_body(onto);
        InsnWriter in_place;
        in_place.mov(8, 3).mov_reg(9, 0).put(Op::kAdd64Reg, 8, 6).put(load, 4, 8, 5);
        run_body(in_place);
        run_body(in_place.mov(8, 0));
    }
}

TEST(FoldMemory, StoresElsewhereAreNoReadModifyWrite) {
    const auto run_store = [](Op op, int16_t off, uint8_t base) {
        InsnWriter w;
        w.mov_reg(8, 6).put(Op::kLoad64, 3, 6, 8).add(3, 1).put(op, base, 3, off);
        run_body(w);
    };
    run_store(Op::kStoreReg64, 16, 6);
    run_store(Op::kStoreReg32, 8, 6);
    run_store(Op::kStoreReg64, 8, 8);
    InsnWriter base_lost;
    base_lost.mov_reg(8, 6).put(Op::kLoad64, 3, 6, 8).add(3, 1).put(Op::kStoreReg64, 6, 3, 8);
    base_lost.put(Op::kLoad64, 9, 8, 8);
    run_body(base_lost);
}

TEST(FoldMemory, LoadsBecomeOperandsOfTheSameWidth) {
    for (const Op load : kLoads) {
        for (const Op op : kRegisterForms) {
            run_body(InsnWriter().put(load, 3, 6, 8).put(op, 7, 3));
            run_body(InsnWriter().put(load, 3, 6, 8).put(op, 7, 3), true);
            run_body(InsnWriter().put(load, 3, 6, 8).put(op, 6, 3));
            run_body(InsnWriter().put(load, 3, 6, 8).put(op, 3, 3), true);
            run_body(InsnWriter().mov_reg(3, 6).put(load, 3, 3, 8).put(op, 7, 3));
        }
        ASSERT_FALSE(HasFailure());
    }
}

TEST(FoldMemory, HasTheseBytes) {
    InsnWriter count, sum, kept;
    count.load64(2, 1, 8).add(2, 1).store64(1, 8, 2).mov(0, 0).exit();
    sum.mov(0, 0).put(Op::kLoad32, 2, 1, 4).put(Op::kAdd32Reg, 0, 2).exit();
    kept.load64(2, 1, 8).add(2, 1).store64(1, 8, 2).mov_reg(0, 2).exit();
    const std::string counted = "48 83 47 08 01 31 c0 c3";  // add qword [rdi+8], 1
    const std::string summed = "31 c0 03 47 04 c3";         // add eax, [rdi+4]
    const std::string loaded = "48 8b 77 08";               // mov rsi, [rdi+8]
    EXPECT_EQ(code_like(count, counted), counted);
    EXPECT_EQ(code_like(sum, summed), summed);
    EXPECT_EQ(code_like(kept, loaded), loaded);
}

}  // namespace
}  // namespace weir::tests
