// Counterexamples of generated programs: none of an accepted one, whatever is searched for, and no
// crash over a rejected one.

#include <gtest/gtest.h>

#include <cstdio>

#include "controlplane/cli/counterexample.h"
#include "tests/support/environment.h"
#include "tests/unit/vm/verifier/program_generator.h"

namespace weir::controlplane::cli {
namespace {

constexpr vm::Budget kBudget{
    .visited_insns_max = 20'000, .states_max = 5'000, .time_ms_max = 10'000};
constexpr SearchBudget kSearch{.runs_max = 60, .time_ms_max = 60'000};

vm::ProgramSpec generated(uint64_t seed) {
    vm::ProgramSpec program;
    program.name = "generated";
    program.subprograms = {{"generated", 0}};
    program.insns = tests::ProgramGenerator(seed).generate();
    vm::MapSpec map;
    map.name = "array";
    map.type = vm::MapType::Array;
    map.key_bytes = 4;
    map.value_bytes = tests::kGeneratedValueBytes;
    map.entries_max = 4;
    program.maps = {map};
    return program;
}

TEST(GeneratedPrograms, OnlyRejectedOnesGoWrong) {
    const uint64_t tries = tests::number_from_environment("WEIR_COUNTEREXAMPLE_TRIES", 1'000);
    const uint64_t first = tests::number_from_environment("WEIR_COUNTEREXAMPLE_SEED", 1, 0);
    uint64_t rejected = 0, found = 0;
    for (uint64_t seed = first; seed < first + tries; ++seed) {
        const vm::ProgramSpec program = generated(seed);
        const auto proof = vm::verify(program, kBudget);
        if (!proof) {
            ++rejected;
            found += find_counterexample(program, proof.error(), kSearch).example ? 1 : 0;
            continue;
        }
        vm::Rejection anywhere;
        anywhere.rule = "packet-bounds";
        anywhere.insn = static_cast<uint32_t>(program.insns.size() - 1);
        const auto example = find_counterexample(program, anywhere, kSearch).example;
        ASSERT_FALSE(example) << "seed " << seed << ": " << example->what;
    }
    std::printf("%llu of %llu rejected programs got a counterexample\n",
                static_cast<unsigned long long>(found), static_cast<unsigned long long>(rejected));
    EXPECT_GT(rejected, tries / 10);
    EXPECT_GT(found, rejected / 4);
}

/// Rejections that do not fit the program, too.
TEST(RandomBytes, AreSearchedWithoutACrash) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 2'000; ++round) {
        vm::ProgramSpec program = generated(random());
        for (uint64_t changes = 1 + random() % 8; changes > 0; --changes) {
            vm::Insn& insn = program.insns[random() % program.insns.size()];
            if (random() % 2 == 0)
                insn.off = static_cast<int16_t>(random() % 64 - 32);
            else
                reinterpret_cast<uint8_t*>(&insn)[random() % sizeof insn] =
                    static_cast<uint8_t>(random());
        }
        vm::Rejection rejection;
        const auto proof = vm::verify(program, kBudget);
        if (!proof) rejection = proof.error();
        if (random() % 4 == 0) rejection.insn = static_cast<uint32_t>(random() % 100);
        if (random() % 4 == 0)
            rejection.path = {{static_cast<uint32_t>(random() % 100), true, "", ""}};
        if (random() % 4 == 0) rejection.rule = "pointer-leak";
        find_counterexample(program, rejection, {.runs_max = 20, .time_ms_max = 1'000});
    }
}

}  // namespace
}  // namespace weir::controlplane::cli
