// Generated programs: the verifier must accept nearly all of them, and interpreter, machine code
// and machine code over a burst must then agree. WEIR_GENERATED=COUNT and WEIR_SEED=FIRST make a
// long run of it; a failure names its seed.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "tests/differential/generated_run.h"
#include "tests/support/environment.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint64_t kProgramsByDefault = 10'000, kShortProgramsByDefault = 20'000;
constexpr uint64_t kRefusedPercentMax = 2;
constexpr int kFailuresMax = 5;

struct Tally {
    uint64_t accepted = 0, refused = 0, insns = 0;
    int failures = 0;
    std::string refusal;  ///< the last one
};

void compare_engines(uint64_t seed, const std::shared_ptr<const vm::VerifiedProgram>& program,
                     Tally& tally) {
    const Traffic traffic{generated_packets(seed)};
    const Result<Outcome> wanted = run_packets(program, traffic, kInterpreter);
    ASSERT_TRUE(wanted.has_value()) << wanted.error().message;
    for (const Way& way : {kSingle, kTraced, kBurst, kOverlapping, kBlinded}) {
        const Result<Outcome> got = run_packets(program, traffic, way);
        ASSERT_TRUE(got.has_value()) << "seed " << seed << ": " << got.error().message;
        if (*got == *wanted) continue;
        ++tally.failures;
        ADD_FAILURE() << "seed " << seed << " " << way.name << ": "
                      << first_difference(*wanted, *got) << "\n"
                      << listing(program->spec());
    }
}

void try_program(uint64_t seed, const vm::ProgramSpec& spec, Tally& tally) {
    const auto proof = vm::verify(spec);
    if (!proof) {
        ++tally.refused;
        tally.refusal =
            fmt::format("seed {}: {} (insn {})", seed, proof.error().message, proof.error().insn);
        return;
    }
    Result<vm::VerifiedProgram> accepted = vm::accept(spec, *proof);
    ASSERT_TRUE(accepted.has_value()) << accepted.error().message;
    ++tally.accepted;
    tally.insns += spec.insns.size();
    compare_engines(seed, std::make_shared<const vm::VerifiedProgram>(std::move(*accepted)), tally);
}

using Generate = vm::ProgramSpec (*)(uint64_t seed);

void compare_many(uint64_t programs_by_default, Generate generate) {
    const uint64_t count = number_from_environment("WEIR_GENERATED", programs_by_default);
    const uint64_t first = first_seed();
    const auto begin = std::chrono::steady_clock::now();
    Tally tally;
    for (uint64_t seed = first; seed < first + count && tally.failures < kFailuresMax; ++seed) {
        try_program(seed, generate(seed), tally);
        if (testing::Test::HasFatalFailure()) return;
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    fmt::print(
        "{} programs from seed {}: {} accepted, {} refused, {} insns, {} disagreements, {:.1f} s\n",
        count, first, tally.accepted, tally.refused, tally.insns, tally.failures, taken.count());
    if (tally.refused != 0) fmt::print("last refusal: {}\n", tally.refusal);
    EXPECT_LE(tally.refused * 100, count * kRefusedPercentMax) << tally.refusal;
}

TEST(GeneratedPrograms, AgreeInInterpreterAndJit) {
    compare_many(kProgramsByDefault,
                 [](uint64_t seed) { return generate_program(seed, Calls::TailAndCallback); });
}

TEST(GeneratedPrograms, AgreeWhereTheyAreShort) {
    compare_many(kShortProgramsByDefault, short_program);
}

/// What generated programs leave out, each tested elsewhere: legacy loads, may_goto, kfuncs, callx
/// and unresolved addresses have no place in a proven program, and acquire and release need a
/// kernel of 2025.
bool is_left_out(vm::Op op) {
    const vm::OpInfo& info = vm::op_info(op);
    return info.group == vm::Group::Packet || info.group == vm::Group::Linux ||
           op == vm::Op::kCallKfunc || op == vm::Op::kCallReg ||
           (info.format == vm::Format::LoadImm64 && info.src > 2 && op != vm::Op::kLoadCodeAddr);
}

TEST(GeneratedPrograms, ContainEveryInstruction) {
    constexpr uint64_t kPrograms = 1'000;
    std::array<uint64_t, vm::kOpCount> seen{};
    for (uint64_t seed = 1; seed <= kPrograms; ++seed) {
        const std::vector<vm::DecodedSlot> slots =
            vm::decode_program(generate_program(seed, Calls::TailAndCallback).insns).value();
        for (const vm::DecodedSlot& slot : slots)
            if (!slot.second_slot) ++seen[static_cast<size_t>(slot.insn.op)];
    }
    for (size_t i = 0; i < vm::kOpCount; ++i) {
        const auto op = static_cast<vm::Op>(i);
        EXPECT_EQ(seen[i] == 0, is_left_out(op)) << vm::op_info(op).name << ": " << seen[i];
    }
}

/// A generator whose programs all take the same way out would compare nothing.
TEST(GeneratedPrograms, DoDifferentThings) {
    std::set<uint32_t> verdicts;
    size_t packets_changed = 0, maps_filled = 0;
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        const vm::ProgramSpec spec = generate_program(seed);
        const auto proof = vm::verify(spec);
        ASSERT_TRUE(proof.has_value()) << proof.error().message;
        const auto program =
            std::make_shared<const vm::VerifiedProgram>(vm::accept(spec, *proof).value());
        const std::vector<Bytes> packets = generated_packets(seed);
        const Result<Outcome> outcome = run_packets(program, {packets}, kInterpreter);
        ASSERT_TRUE(outcome.has_value());
        verdicts.insert(outcome->verdicts.begin(), outcome->verdicts.end());
        for (size_t i = 0; i < packets.size(); ++i)
            packets_changed += outcome->packets[i] != packets[i] ? 1 : 0;
        maps_filled += outcome->maps[kHashMap].empty() ? 0 : 1;
    }
    EXPECT_GE(verdicts.size(), 500u);
    EXPECT_GE(packets_changed, 600u);
    EXPECT_GE(maps_filled, 30u);
}

TEST(GeneratedPrograms, AreTheSameForTheSameSeed) {
    EXPECT_EQ(generate_program(7).insns, generate_program(7).insns);
    EXPECT_NE(generate_program(7).insns, generate_program(8).insns);
}

}  // namespace
}  // namespace weir::tests
