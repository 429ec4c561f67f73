// With blinding, no number of the program stands in its code; what it computes stays (engines.h
// runs every other test here blinded, too).

#include "jit/blinding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "jit/unverified.h"
#include "tests/unit/jit/engines.h"
#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

using vm::Op;

constexpr int32_t kChosen = 0x3cc3'a55a;           // no two bytes alike in a row
constexpr int32_t kChosenNegative = -0x1e2d'3c4b;  // 0xe1d2c3b5
constexpr uint64_t kChosenWide = 0x1f2e'3d4c'5b6a'7988;

/// Whether four bytes of `value`, from byte `from` on, stand anywhere in the code.
bool holds(std::span<const uint8_t> code, uint64_t value, size_t from = 0) {
    uint8_t bytes[8];
    std::memcpy(bytes, &value, sizeof bytes);
    return !std::ranges::search(code, std::span(bytes + from, 4)).empty();
}

bool holds_chosen(std::span<const uint8_t> code) {
    bool found = holds(code, static_cast<uint32_t>(kChosen)) ||
                 holds(code, static_cast<uint32_t>(kChosenNegative));
    for (size_t from = 0; from <= 4; ++from) found = found || holds(code, kChosenWide, from);
    return found;
}

/// Each form that carries a constant, in a program of its own.
std::vector<std::vector<vm::Insn>> programs_with_constants() {
    std::vector<std::vector<vm::Insn>> programs;
    for (const vm::OpInfo& info : vm::kOps) {
        const bool shifts = info.spelling.find("<<") != std::string_view::npos ||
                            info.spelling.find(">>") != std::string_view::npos;
        for (const int32_t imm : {kChosen, kChosenNegative}) {
            InsnWriter body;
            if (info.format == vm::Format::AluImm && !shifts)
                body.put(info.op, 2, 0, 0, imm);
            else if (info.format == vm::Format::JumpImm)
                body.put(info.op, 2, 0, 1, imm).store64(10, -16, 2);
            else if (info.format == vm::Format::StoreImm)
                body.put(info.op, 10, 0, -16, imm);
            else
                continue;
            programs.push_back(with_registers(body.insns()));
        }
    }
    programs.push_back(with_registers(InsnWriter().load_imm64(2, kChosenWide).insns()));
    // The pair that becomes an lea.
    programs.push_back(
        with_registers(InsnWriter().mov_reg(2, 3).put(Op::kAdd64Imm, 2, 0, 0, kChosen).insns()));
    return programs;
}

TEST(Blinding, LeavesNoConstantOfTheProgramInItsCode) {
    size_t plain_with_constant = 0;
    for (const std::vector<vm::Insn>& program : programs_with_constants()) {
        const auto plain = jit::TESTING_ONLY_compile_unverified(program, test_helpers());
        const auto blinded = jit::TESTING_ONLY_compile_unverified_blinded(program, test_helpers());
        ASSERT_TRUE(plain.has_value() && blinded.has_value()) << raw_listing(program);
        if (holds_chosen(plain->code())) ++plain_with_constant;
        EXPECT_FALSE(holds_chosen(blinded->code())) << raw_listing(program);
    }
    // The search would find them: only stores of 8 and 16 bits and folded forms have none.
    EXPECT_GT(plain_with_constant, programs_with_constants().size() / 2);
}

TEST(Blinding, ChangesNoResult) {
    for (const std::vector<vm::Insn>& program : programs_with_constants())
        Engines(program).run(distinct_machine());
}

TEST(Blinding, TakesOtherKeysEachTime) {
    const std::vector<vm::Insn> program =
        with_registers(InsnWriter().put(Op::kXor64Imm, 2, 0, 0, kChosen).insns());
    const auto first = jit::TESTING_ONLY_compile_unverified_blinded(program, test_helpers());
    const auto second = jit::TESTING_ONLY_compile_unverified_blinded(program, test_helpers());
    ASSERT_TRUE(first.has_value() && second.has_value());
    EXPECT_FALSE(std::ranges::equal(first->code(), second->code()));
}

/// Whatever the keys are, the code has one length.
TEST(Blinding, GivesCodeOfOneLength) {
    for (const std::vector<vm::Insn>& program : programs_with_constants()) {
        const size_t bytes =
            jit::TESTING_ONLY_compile_unverified_blinded(program, test_helpers())->code().size();
        for (int i = 0; i < 20; ++i)
            EXPECT_EQ(jit::TESTING_ONLY_compile_unverified_blinded(program, test_helpers())
                          ->code()
                          .size(),
                      bytes);
    }
}

TEST(Blinding, KeysDiffer) {
    jit::BlindingKeys keys;
    std::vector<uint64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.push_back(keys.next());
    std::ranges::sort(seen);
    EXPECT_TRUE(std::ranges::adjacent_find(seen) == seen.end());
}

/// Sizes of maps are numbers of the object file: the inlined look-up would hold them.
TEST(Blinding, LeavesNoSizeOfAMapInTheCode) {
    constexpr uint32_t kEntries = 0x0001'2345;
    constexpr int32_t kLookup = 1;
    InsnWriter program;
    program.put(Op::kLoad32, 1, 1, 12).store64(10, -8, 1).load_map(1, 0).mov_reg(2, 10).add(2, -8);
    program.call(kLookup).mov(0, 2).exit();
    const Proven proven(program.insns(), {map_spec(vm::MapType::Array, 4, 8, kEntries)});
    const auto compile = [&proven](bool blind) {
        return jit::compile(proven.program, proven.pointers, maps::all_helpers(), jit::Engine::kJit,
                            {.blind_constants = blind})
            .value();
    };
    EXPECT_TRUE(holds(compile(false)->code(), kEntries));
    EXPECT_FALSE(holds(compile(true)->code(), kEntries));
}

}  // namespace
}  // namespace weir::tests
