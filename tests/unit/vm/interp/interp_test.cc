// What single instructions mean is in tests/conformance; here is what surrounds them.

#include "vm/interp/interp.h"

#include <array>

#include <gtest/gtest.h>

#include "vm/base/limits.h"
#include "vm/isa/assemble.h"

namespace weir::vm {
namespace {

constexpr uint64_t kStepsMax = 50'000'000;

Result<uint64_t> run(std::string_view text, std::span<uint8_t> memory = {},
                     const HelperTable& helpers = {}) {
    const Result<std::vector<Insn>> insns = assemble(text);
    EXPECT_TRUE(insns) << (insns ? "" : insns.error().message);
    return insns ? interpret_unverified(*insns, memory, helpers, kStepsMax)
                 : std::unexpected(insns.error());
}

std::string error_of(std::string_view text, std::span<uint8_t> memory = {}) {
    const Result<uint64_t> result = run(text, memory);
    return result ? "" : result.error().message;
}

TEST(InterpretUnverified, KeepsAccessesInsideMemoryAndStack) {
    std::array<uint8_t, 16> memory{};
    EXPECT_EQ(error_of("r0 = *(u64 *)(r1 + 8)\nexit", memory), "");
    EXPECT_EQ(error_of("r0 = *(u64 *)(r1 + 9)\nexit", memory),
              "insn 0 (Load64): load outside memory and stack");
    EXPECT_EQ(error_of("*(u8 *)(r1 - 1) = 0\nexit", memory),
              "insn 0 (StoreImm8): store outside memory and stack");
    EXPECT_EQ(error_of("*(u8 *)(r10 - 512) = 0\nr0 = 0\nexit"), "");
    EXPECT_EQ(error_of("*(u8 *)(r10 - 513) = 0\nexit"),
              "insn 0 (StoreImm8): store outside memory and stack");
    EXPECT_EQ(error_of("*(u8 *)(r10 + 0) = 0\nexit"),
              "insn 0 (StoreImm8): store outside memory and stack");
    EXPECT_EQ(error_of("r1 = -1\nr0 = *(u64 *)(r1 + 0)\nexit"),
              "insn 1 (Load64): load outside memory and stack");
    EXPECT_EQ(error_of("lock *(u32 *)(r10 - 6) += w1\nexit"),
              "insn 0 (AtomicAdd32): atomic access outside memory and stack, or not aligned");
}

TEST(InterpretUnverified, EndsWhatDoesNotEnd) {
    EXPECT_EQ(error_of("goto -1"), "insn 0: step limit reached");
    EXPECT_EQ(error_of("r0 = 1"), "runs past the end of the program");
    EXPECT_EQ(error_of("f: call f\nexit"), "insn 0 (CallLocal): calls nested deeper than 8 frames");
}

TEST(InterpretUnverified, LetsMayGotoEndALoopOfItsOwn) {
    const Result<uint64_t> rounds =
        run("r0 = 0\nagain: may_goto out\nr0 += 1\ngoto again\nout: exit");
    ASSERT_TRUE(rounds) << rounds.error().message;
    EXPECT_EQ(*rounds, kMayGotoMax);
}

TEST(InterpretUnverified, RefusesWhatOnlyALoaderCanResolve) {
    EXPECT_EQ(error_of("r1 = map[0] ll\nexit"),
              "insn 0 (LoadMap): loads an address that this program has not");
    EXPECT_EQ(error_of("call kfunc 1\nexit"),
              "insn 0 (CallKfunc): kernel functions cannot be called");
    EXPECT_EQ(error_of("call 1\nexit"),
              "insn 0 (CallHelper): call of a helper that does not exist");
    EXPECT_EQ(error_of("r3 = -1\ncallx r3\nexit"),
              "insn 1 (CallReg): call of a helper that does not exist");
}

TEST(InterpretUnverified, PassesFiveArgumentsToAHelper) {
    HelperTable helpers;
    helpers.functions[9] = [](uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
                              RunEnv&) { return (((r1 * 10 + r2) * 10 + r3) * 10 + r4) * 10 + r5; };
    const Result<uint64_t> result =
        run("r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\nr6 = 6\ncall 9\nr0 += r6\nexit", {}, helpers);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(*result, 12351u);
}

TEST(InterpretUnverified, GivesACalleeTheFramesOfItsCallersOnly) {
    EXPECT_EQ(
        error_of(
            "r1 = r10\ncall f\nexit\nf: *(u8 *)(r1 - 1) = 0\n*(u8 *)(r10 - 512) = 0\nr0 = 0\nexit"),
        "");
    EXPECT_EQ(error_of("call f\nr1 = r10\n*(u8 *)(r1 - 600) = 0\nexit\nf: r0 = 0\nexit"),
              "insn 2 (StoreImm8): store outside memory and stack");
}

}  // namespace
}  // namespace weir::vm
