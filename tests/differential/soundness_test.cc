// Soundness on generated programs.

#include <gtest/gtest.h>

#include <map>

#include <fmt/format.h>

#include "tests/differential/aimed_generator.h"
#include "tests/differential/mutator.h"
#include "tests/differential/reducer.h"
#include "tests/differential/trial.h"
#include "tests/support/corpus_cases.h"
#include "tests/support/environment.h"
#include "vm/elf/elf.h"
#include "vm/isa/disassemble.h"

namespace weir::tests {
namespace {

struct Tally {
    std::map<std::string, uint64_t> ends;
    uint64_t cases = 0;

    /// False after a failure.
    bool count(const vm::ProgramSpec& program, const TrialResult& result, const std::string& what) {
        ++cases;
        ++ends[result.end == TrialEnd::Rejected    ? result.rule
               : result.end == TrialEnd::NotLoaded ? "(not loaded)"
                                                   : "accepted"];
        if (result.end <= TrialEnd::Passed) return true;
        ADD_FAILURE() << what << ": " << static_cast<int>(result.end) << " " << result.what << "\n"
                      << vm::disassemble_program(program.insns);
        return false;
    }
    bool count(Trial& trial, const vm::ProgramSpec& program, uint64_t seed, const TrialPlan& plan,
               const std::string& what) {
        const TrialResult result = trial.run(program, seed, plan);
        if (result.end <= TrialEnd::Passed) return count(program, result, what);
        const auto is_bad = [&](const vm::ProgramSpec& tried) {
            return trial.run(tried, seed, plan).end == result.end;
        };
        count(program, result, what);
        if (is_bad(program)) {
            const vm::ProgramSpec small = reduced(program, is_bad);
            fmt::print("reduced: {}\n{}", trial.run(small, seed, plan).what,
                       vm::disassemble_program(small.insns));
            for (const auto& each : small.subprograms)
                fmt::print("function {} at {}\n", each.name, each.insn);
        } else {
            fmt::print("needs the maps as they were\n");
        }
        return false;
    }
    ~Tally() {
        fmt::print("{} programs:", cases);
        for (const auto& [rule, n] : ends) fmt::print(" {} {};", rule, n);
        fmt::print("\n");
    }
};

const TrialPlan kPlan{.runs = 6, .watched_runs = 3, .twin_runs = 2};

TEST(MutatedPrograms, Aimed) {
    Trial trial(aimed_maps());
    Tally tally;
    const uint64_t count = number_from_environment("WEIR_TRIALS", 20'000);
    for (uint64_t seed = first_seed(); seed < first_seed() + count; ++seed) {
        Random random(seed);
        AimedPlan aim = aimed_plan(seed);
        aim.slip_one_in = 0;
        const vm::ProgramSpec program = mutated(aimed_program(seed, aim), random);
        if (!tally.count(trial, program, seed, kPlan, fmt::format("seed {}", seed))) break;
    }
}

TEST(RandomPrograms, Random) {
    Trial trial(aimed_maps());
    Tally tally;
    const uint64_t count = number_from_environment("WEIR_TRIALS", 20'000);
    for (uint64_t seed = first_seed(); seed < first_seed() + count; ++seed) {
        Random random(seed);
        const vm::ProgramSpec program = random_program(trial.maps(), random);
        if (!tally.count(trial, program, seed, kPlan, fmt::format("seed {}", seed))) break;
    }
}

TEST(MutatedPrograms, Corpus) {
    const uint64_t count = number_from_environment("WEIR_TRIALS", 20'000);
    const uint64_t each = number_from_environment("WEIR_EACH", 50);
    std::vector<CorpusObject> objects = all_corpus_objects(WEIR_CORPUS_DIR);
    Tally tally;
    const std::vector<Bytes> packets = bytes_of(test_packets());
    TrialPlan plan = kPlan;
    plan.packets = packets;
    Random random(first_seed());
    while (tally.cases < count) {
        const CorpusObject& object = objects[random.below(static_cast<uint32_t>(objects.size()))];
        const auto loaded = vm::load_object_file(object.path, {.assume_entries_max = 64});
        ASSERT_TRUE(loaded);
        const vm::ProgramSpec& base =
            loaded->programs[random.below(static_cast<uint32_t>(loaded->programs.size()))];
        // The check of states cannot place slices within records, nor the keys of for_each.
        if (base.name.find("dynptr") != std::string::npos || base.name == "for_each") continue;
        if (!vm::verify(base)) continue;
        if (std::ranges::any_of(base.maps, [](const vm::MapSpec& map) {
                return uint64_t{map.entries_max} * map.value_bytes > 1u << 20;
            }))
            continue;
        Trial trial(base.maps);
        for (uint64_t i = 0; i < each; ++i) {
            const uint64_t seed = random.next();
            Random changes(seed);
            const vm::ProgramSpec program = mutated(base, changes);
            if (!tally.count(trial, program, seed, plan,
                             fmt::format("{} {} seed {}", object.path, base.name, seed)))
                return;
        }
    }
}

TEST(GeneratedPrograms, Aimed) {
    Trial trial(aimed_maps());
    Tally tally;
    const uint64_t count = number_from_environment("WEIR_TRIALS", 20'000);
    for (uint64_t seed = first_seed(); seed < first_seed() + count; ++seed) {
        const vm::ProgramSpec program = aimed_program(seed, aimed_plan(seed));
        if (!tally.count(trial, program, seed, kPlan, fmt::format("seed {}", seed))) break;
    }
}

TEST(GeneratedPrograms, Valid) {
    Trial trial(generate_program(1).maps);
    Tally tally;
    const uint64_t count = number_from_environment("WEIR_TRIALS", 20'000);
    for (uint64_t seed = first_seed(); seed < first_seed() + count; ++seed) {
        const vm::ProgramSpec program = generate_program(seed);
        if (!tally.count(trial, program, seed, kPlan, fmt::format("seed {}", seed))) break;
    }
}

}  // namespace
}  // namespace weir::tests
