// A sample of the generated programs through the live kernel: what the interpreter says of them
// must be what Linux does. WEIR_GENERATED=COUNT and WEIR_SEED=FIRST as in generated_jit_test.cc.

#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

#include "tests/differential/burst_program.h"
#include "tests/differential/generated_kernel.h"
#include "tests/support/environment.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint64_t kProgramsByDefault = 1'000, kBurstProgramsByDefault = 300;
constexpr uint64_t kRefusedPercentMax = 2, kComparedPercentMin = 90;
constexpr int kFailuresMax = 5;

struct Tally {
    uint64_t compared = 0, refused_by_kernel = 0, refused_by_us = 0;
    int failures = 0;
    std::string refusal;
};

void try_program(uint64_t seed, const vm::ProgramSpec& spec, const Traffic& traffic, Tally& tally) {
    const auto proof = vm::verify(spec);
    if (!proof) {
        ++tally.refused_by_us;
        return;
    }
    Result<vm::VerifiedProgram> accepted = vm::accept(spec, *proof);
    ASSERT_TRUE(accepted.has_value()) << accepted.error().message;
    const Result<Outcome> kernel = run_packets_in_kernel(spec, traffic);
    if (!kernel) {
        ASSERT_EQ(kernel.error().kind, ErrorKind::kRejected) << kernel.error().message;
        ++tally.refused_by_kernel;
        tally.refusal = fmt::format("seed {}: {}", seed, kernel.error().message);
        return;
    }
    const auto program = std::make_shared<const vm::VerifiedProgram>(std::move(*accepted));
    ++tally.compared;
    for (const Way& way : {kInterpreter, kOverlapping}) {
        Result<Outcome> ours = run_packets(program, traffic, way);
        ASSERT_TRUE(ours.has_value()) << ours.error().message;
        std::ranges::fill(ours->redirects, 0u);  // the kernel does not tell
        if (*ours == *kernel) continue;
        ++tally.failures;
        ADD_FAILURE() << "seed " << seed << ", " << way.name
                      << " against kernel: " << first_difference(*kernel, *ours) << "\n"
                      << listing(spec);
    }
}

using TrySeed = void (*)(uint64_t seed, Tally& tally);

void compare_many(uint64_t programs_by_default, TrySeed try_seed) {
    const uint64_t count = number_from_environment("WEIR_GENERATED", programs_by_default);
    const uint64_t first = first_seed();
    Tally tally;
    for (uint64_t seed = first; seed < first + count && tally.failures < kFailuresMax; ++seed) {
        try_seed(seed, tally);
        if (testing::Test::HasFatalFailure()) return;
    }
    fmt::print(
        "{} programs from seed {}: {} compared, {} refused by the kernel, {} by us, {} "
        "disagreements\n",
        count, first, tally.compared, tally.refused_by_kernel, tally.refused_by_us, tally.failures);
    EXPECT_GE(tally.compared * 100, count * kComparedPercentMin);
    EXPECT_LE(tally.refused_by_kernel * 100, count * kRefusedPercentMax) << tally.refusal;
}

TEST(GeneratedPrograms, AgreeWithTheKernel) {
    if (const std::string missing = kernel_missing(); !missing.empty()) GTEST_SKIP() << missing;
    compare_many(kProgramsByDefault, [](uint64_t seed, Tally& tally) {
        try_program(seed, generate_program(seed, Calls::Tail), {generated_packets(seed)}, tally);
    });
}

TEST(GeneratedPrograms, AgreeWithTheKernelWhereTheyAreShort) {
    if (const std::string missing = kernel_missing(); !missing.empty()) GTEST_SKIP() << missing;
    compare_many(kProgramsByDefault, [](uint64_t seed, Tally& tally) {
        try_program(seed, short_program(seed), {generated_packets(seed)}, tally);
    });
}

TEST(GeneratedBursts, AgreeWithTheKernel) {
    if (const std::string missing = kernel_missing(); !missing.empty()) GTEST_SKIP() << missing;
    compare_many(kBurstProgramsByDefault, [](uint64_t seed, Tally& tally) {
        const vm::ProgramSpec spec = burst_program(seed, BurstKind::kInKernel);
        try_program(seed, spec, burst_traffic(seed, spec), tally);
    });
}

}  // namespace
}  // namespace weir::tests
