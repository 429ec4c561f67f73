// A sample of the generated programs through the live kernel: what the interpreter says of them
// must be what Linux does. WEIR_GENERATED=COUNT and WEIR_SEED=FIRST as in generated_jit_test.cc.

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/differential/generated_kernel.h"
#include "tests/support/environment.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint64_t kProgramsByDefault = 1'000;
constexpr uint64_t kRefusedPercentMax = 2, kComparedPercentMin = 90;
constexpr int kFailuresMax = 5;

struct Tally {
    uint64_t compared = 0, refused_by_kernel = 0, refused_by_us = 0;
    int failures = 0;
    std::string refusal;
};

void try_seed(uint64_t seed, Tally& tally) {
    const vm::ProgramSpec spec = generate_program(seed);
    const std::vector<Bytes> packets = generated_packets(seed);
    const auto proof = vm::verify(spec);
    if (!proof) {
        ++tally.refused_by_us;
        return;
    }
    Result<vm::VerifiedProgram> accepted = vm::accept(spec, *proof);
    ASSERT_TRUE(accepted.has_value()) << accepted.error().message;
    const Result<Outcome> kernel = run_packets_in_kernel(spec, packets);
    if (!kernel) {
        ASSERT_EQ(kernel.error().kind, ErrorKind::kRejected) << kernel.error().message;
        ++tally.refused_by_kernel;
        tally.refusal = fmt::format("seed {}: {}", seed, kernel.error().message);
        return;
    }
    const auto program = std::make_shared<const vm::VerifiedProgram>(std::move(*accepted));
    const Result<Outcome> ours = run_packets(program, packets, Way::kInterp);
    ASSERT_TRUE(ours.has_value()) << ours.error().message;
    ++tally.compared;
    if (*ours == *kernel) return;
    ++tally.failures;
    ADD_FAILURE() << "seed " << seed
                  << ", interpreter against kernel: " << first_difference(*kernel, *ours) << "\n"
                  << listing(spec);
}

TEST(GeneratedPrograms, AgreeWithTheKernel) {
    if (const std::string missing = kernel_missing(); !missing.empty()) GTEST_SKIP() << missing;
    const uint64_t count = number_from_environment("WEIR_GENERATED", kProgramsByDefault);
    const uint64_t first = first_seed();
    Tally tally;
    for (uint64_t seed = first; seed < first + count && tally.failures < kFailuresMax; ++seed) {
        try_seed(seed, tally);
        if (HasFatalFailure()) return;
    }
    fmt::print(
        "{} programs from seed {}: {} compared, {} refused by the kernel, {} by us, {} "
        "disagreements\n",
        count, first, tally.compared, tally.refused_by_kernel, tally.refused_by_us, tally.failures);
    EXPECT_GE(tally.compared * 100, count * kComparedPercentMin);
    EXPECT_LE(tally.refused_by_kernel * 100, count * kRefusedPercentMax) << tally.refusal;
}

}  // namespace
}  // namespace weir::tests
