// Generated programs: the verifier must accept nearly all of them, and interpreter, machine code and machine code over a burst
// must then agree. WEIR_GENERATED=COUNT and WEIR_SEED=FIRST make a long run of it; a failure names its seed.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "tests/differential/generated_run.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint64_t kProgramsByDefault = 10'000;
constexpr uint64_t kRefusedPercentMax = 2;
constexpr int kFailuresMax = 5;

uint64_t number_from_environment(const char* name, uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

struct Tally {
    uint64_t accepted = 0, refused = 0, insns = 0;
    int failures = 0;
    std::string refusal;  ///< the last one
};

void compare_engines(uint64_t seed, const std::shared_ptr<const vm::VerifiedProgram>& program, Tally& tally) {
    const std::vector<Bytes> packets = generated_packets(seed);
    const Result<Outcome> wanted = run_packets(program, packets, Way::kInterp);
    ASSERT_TRUE(wanted.has_value()) << wanted.error().message;
    for (const Way way : {Way::kSingle, Way::kBurst}) {
        const Result<Outcome> got = run_packets(program, packets, way);
        ASSERT_TRUE(got.has_value()) << "seed " << seed << ": " << got.error().message;
        if (*got == *wanted) continue;
        ++tally.failures;
        ADD_FAILURE() << "seed " << seed << (way == Way::kBurst ? " burst: " : " single: ") << first_difference(*wanted, *got)
                      << "\n" << listing(program->spec());
    }
}

void try_seed(uint64_t seed, Tally& tally) {
    const vm::ProgramSpec spec = generate_program(seed);
    const auto proof = vm::verify(spec);
    if (!proof) {
        ++tally.refused;
        tally.refusal = fmt::format("seed {}: {} (insn {})", seed, proof.error().message, proof.error().insn);
        return;
    }
    Result<vm::VerifiedProgram> accepted = vm::accept(spec, *proof);
    ASSERT_TRUE(accepted.has_value()) << accepted.error().message;
    ++tally.accepted;
    tally.insns += spec.insns.size();
    compare_engines(seed, std::make_shared<const vm::VerifiedProgram>(std::move(*accepted)), tally);
}

TEST(GeneratedPrograms, AgreeInInterpreterAndJit) {
    const uint64_t count = number_from_environment("WEIR_GENERATED", kProgramsByDefault);
    const uint64_t first = number_from_environment("WEIR_SEED", 1);
    const auto begin = std::chrono::steady_clock::now();
    Tally tally;
    for (uint64_t seed = first; seed < first + count && tally.failures < kFailuresMax; ++seed) {
        try_seed(seed, tally);
        if (HasFatalFailure()) return;
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    fmt::print("{} programs from seed {}: {} accepted, {} refused, {} insns, {} disagreements, {:.1f} s\n", count, first,
               tally.accepted, tally.refused, tally.insns, tally.failures, taken.count());
    if (tally.refused != 0) fmt::print("last refusal: {}\n", tally.refusal);
    EXPECT_LE(tally.refused * 100, count * kRefusedPercentMax) << tally.refusal;
}

TEST(GeneratedPrograms, AreTheSameForTheSameSeed) {
    EXPECT_EQ(generate_program(7).insns, generate_program(7).insns);
    EXPECT_NE(generate_program(7).insns, generate_program(8).insns);
}

}  // namespace
}  // namespace weir::tests
