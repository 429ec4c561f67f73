// Bursts that overlap their look-ups against one packet after another: verdicts, bytes, redirects,
// what maps hold after each burst, and the random numbers that come next. WEIR_GENERATED=COUNT and
// WEIR_SEED=FIRST as in generated_jit_test.cc.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "jit/overlap_plan.h"
#include "maps/maps.h"
#include "tests/differential/burst_program.h"
#include "tests/support/environment.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

using jit::Engine;
using jit::Overlap;

constexpr uint64_t kProgramsByDefault = 1'000, kBigProgramsByDefault = 10,
                   kCountingProgramsByDefault = 200;
constexpr int kFailuresMax = 5;

/// Ways that look at maps after as many packets are compared with each other.
struct Round {
    size_t look_every;
    std::vector<Way> ways;
};

const std::vector<Round>& rounds() {
    static const std::vector<Round> all = {
        {32,
         {kSingle,
          {"bursts of 32", Engine::kJit, 32, Overlap::kNever},
          {"bursts of 32, overlapping", Engine::kJit, 32, Overlap::kAlways},
          {"bursts of 4, overlapping", Engine::kJit, 4, Overlap::kAlways}}},
        {31, {{"bursts of 31, overlapping", Engine::kJit, 31, Overlap::kAlways}}},
        {0,
         {{"bursts of 2", Engine::kJit, 2, Overlap::kAlways},
          {"bursts of 64, overlapping", Engine::kJit, 64, Overlap::kAlways},
          {"bursts of 64 as they come", Engine::kJit, 64, Overlap::kAuto}}},
    };
    return all;
}

using Proven = std::shared_ptr<const vm::VerifiedProgram>;

void compare_round(uint64_t seed, const Proven& program, Traffic traffic, const Round& round,
                   int& failures) {
    traffic.look_every = round.look_every;
    const Result<Outcome> wanted = run_packets(program, traffic, kInterpreter);
    ASSERT_TRUE(wanted.has_value()) << wanted.error().message;
    for (const Way& way : round.ways) {
        const Result<Outcome> got = run_packets(program, traffic, way);
        ASSERT_TRUE(got.has_value()) << "seed " << seed << ": " << got.error().message;
        if (*got == *wanted) continue;
        ++failures;
        ADD_FAILURE() << "seed " << seed << " " << way.name << ": "
                      << first_difference(*wanted, *got) << "\n"
                      << listing(program->spec());
    }
}

Proven proven(const vm::ProgramSpec& spec) {
    const auto proof = vm::verify(spec);
    if (!proof) {
        ADD_FAILURE() << proof.error().insn << ": " << proof.error().message << "\n"
                      << listing(spec);
        return nullptr;
    }
    return std::make_shared<const vm::VerifiedProgram>(vm::accept(spec, *proof).value());
}

void compare_many(BurstKind kind, uint64_t count) {
    const uint64_t first = first_seed();
    const auto begin = std::chrono::steady_clock::now();
    int failures = 0;
    for (uint64_t seed = first; seed < first + count && failures < kFailuresMax; ++seed) {
        const vm::ProgramSpec spec = burst_program(seed, kind);
        const Proven program = proven(spec);
        ASSERT_NE(program, nullptr) << "seed " << seed;
        for (const Round& round : rounds())
            compare_round(seed, program, burst_traffic(seed, spec), round, failures);
        if (testing::Test::HasFatalFailure()) return;
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    fmt::print("{} programs from seed {}: {} disagreements, {:.1f} s\n", count, first, failures,
               taken.count());
}

TEST(GeneratedBursts, AreAsOnePacketAfterAnother) {
    compare_many(BurstKind::kAnything,
                 number_from_environment("WEIR_GENERATED", kProgramsByDefault));
}

TEST(GeneratedBursts, AreAsOnePacketAfterAnotherInMapsThatOutgrowCaches) {
    compare_many(BurstKind::kBigMaps,
                 number_from_environment("WEIR_GENERATED", kBigProgramsByDefault));
}

TEST(GeneratedBursts, CountAsOnePacketAfterAnother) {
    compare_many(BurstKind::kCounting,
                 number_from_environment("WEIR_GENERATED", kCountingProgramsByDefault));
}

/// How far programs overlap.
struct Coverage {
    uint64_t plans = 0, asks = 0, asks_and_goes_on = 0, order_matters = 0;
};

void add_plan(const vm::VerifiedProgram& program, Coverage& coverage) {
    std::vector<std::unique_ptr<vm::Map>> maps;
    std::vector<vm::Map*> pointers;
    for (const vm::MapSpec& spec : program.spec().maps)
        pointers.push_back(maps.emplace_back(maps::create_map(spec, 1).value()).get());
    jit::CompileInput input;
    input.slots = program.slots();
    input.facts = program.proof().facts;
    for (size_t i = 0; i < program.spec().subprograms.size(); ++i)
        input.functions.push_back(
            {program.spec().subprograms[i].insn, program.proof().stack_bytes[i]});
    input.maps = pointers;
    input.helpers = &maps::all_helpers();
    input.options.overlap = Overlap::kAlways;
    const Result<jit::Analysis> analysis = jit::analyse(input);
    ASSERT_TRUE(analysis.has_value()) << analysis.error().message;
    const auto plan = jit::plan_overlap(input, analysis->liveness);
    if (!plan) return;
    ++coverage.plans;
    for (const jit::OverlapStop& stop : plan->stops) {
        coverage.asks += stop.kind == jit::OverlapStop::Kind::Ask ? 1 : 0;
        coverage.asks_and_goes_on += stop.kind == jit::OverlapStop::Kind::AskOnly ? 1 : 0;
    }
}

bool depends_on_order(const Proven& program, const Traffic& traffic) {
    Traffic backward = traffic;
    std::reverse(backward.packets.begin(), backward.packets.end());
    const Outcome first = run_packets(program, traffic, kInterpreter).value();
    Outcome second = run_packets(program, backward, kInterpreter).value();
    std::reverse(second.verdicts.begin(), second.verdicts.end());
    return first.verdicts != second.verdicts;
}

/// Programs whose packets never meet would compare nothing, and so would those that never overlap.
TEST(GeneratedBursts, OverlapAndDependOnTheOrderOfPackets) {
    constexpr uint64_t kPrograms = 300;
    Coverage coverage;
    for (uint64_t seed = 1; seed <= kPrograms; ++seed) {
        const vm::ProgramSpec spec = burst_program(seed, BurstKind::kAnything);
        const Proven program = proven(spec);
        ASSERT_NE(program, nullptr);
        add_plan(*program, coverage);
        const bool depends = depends_on_order(program, burst_traffic(seed, spec));
        coverage.order_matters += depends ? 1 : 0;
    }
    fmt::print("of {}: {} overlap, {} and {} look-ups ask, order matters in {}\n", kPrograms,
               coverage.plans, coverage.asks, coverage.asks_and_goes_on, coverage.order_matters);
    EXPECT_GE(coverage.plans, kPrograms * 3 / 4);
    EXPECT_GE(coverage.asks, kPrograms / 3);
    EXPECT_GE(coverage.asks_and_goes_on, kPrograms / 3);
    EXPECT_GE(coverage.order_matters, kPrograms / 3);
}

}  // namespace
}  // namespace weir::tests
