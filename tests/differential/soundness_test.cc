// Soundness on generated programs, made in five ways. What the verifier accepts runs over packets
// and map contents that tempt it: without a fault, within the states and facts of its proof, and
// with the same results wherever everything lies in memory (trial.h).
//
// WEIR_TRIALS=COUNT programs per test and WEIR_SEED=FIRST make a long run. A program that fails is
// printed with what is left of it when all that does not matter is taken out. WEIR_ASM=FILE puts
// one program in assembler text on trial.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "tests/differential/aimed_generator.h"
#include "tests/differential/mutator.h"
#include "tests/differential/reducer.h"
#include "tests/differential/trial.h"
#include "tests/support/corpus_cases.h"
#include "tests/support/environment.h"
#include "vm/elf/elf.h"
#include "vm/isa/assemble.h"
#include "vm/isa/disassemble.h"

namespace weir::tests {
namespace {

constexpr uint64_t kTrials = 8'000;
constexpr uint64_t kTrialsPerObject = 50;
constexpr TrialPlan kPlan{.runs = 6, .watched_runs = 3, .twin_runs = 2};

std::string_view words(TrialEnd end) {
    switch (end) {
        case TrialEnd::Rejected: return "rejected";
        case TrialEnd::NotLoaded: return "not loaded";
        case TrialEnd::Passed: return "passed";
        case TrialEnd::Faulted: return "faulted";
        case TrialEnd::AgainstFacts: return "against the proof's facts";
        case TrialEnd::OutsideOfStates: return "outside of the verifier's states";
        case TrialEnd::Leaked: return "depends on where memory lies, or on what nobody wrote";
    }
    return {};
}

std::string contract_text(const vm::Subprogram& function) {
    if (!function.contract) return {};
    std::string text = function.contract->returns_number ? ", global: returns" : ", global:";
    for (const vm::Argument& argument : function.contract->arguments)
        text += argument.kind == vm::ArgumentKind::Number ? " number"
                : argument.kind == vm::ArgumentKind::Context
                    ? " context"
                    : fmt::format(" memory {}", argument.bytes);
    return text;
}

std::string listing(const vm::ProgramSpec& program) {
    std::string text = vm::disassemble_program(program.insns);
    for (const vm::Subprogram& each : program.subprograms)
        text += fmt::format("function {} at {}{}\n", each.name, each.insn, contract_text(each));
    return text;
}

bool is_failure(const TrialResult& result) {
    return result.end > TrialEnd::Passed;
}

/// Counts how programs end; the first that fails is a failure of the test.
class Tally {
public:
    ~Tally() {
        fmt::print("{} programs, {} accepted:", cases_, accepted_);
        for (const auto& [end, count] : ends_) fmt::print(" {} {};", end, count);
        fmt::print("\n");
    }

    /// False after a failure.
    bool judge(Trial& trial, const vm::ProgramSpec& program, uint64_t seed, const TrialPlan& plan) {
        const TrialResult result = trial.run(program, seed, plan);
        ++cases_;
        if (result.end == TrialEnd::Passed)
            ++accepted_;
        else
            ++ends_[result.end == TrialEnd::Rejected ? result.rule
                                                     : std::string(words(result.end))];
        if (!is_failure(result)) return true;
        const vm::ProgramSpec small = reduced(program, [&](const vm::ProgramSpec& tried) {
            return trial.run(tried, seed, plan).end == result.end;
        });
        ADD_FAILURE() << "seed " << seed << " " << words(result.end) << ": " << result.what << "\n"
                      << listing(program)
                      << "without what does not matter: " << trial.run(small, seed, plan).what
                      << "\n"
                      << listing(small);
        return false;
    }
    uint64_t cases() const { return cases_; }
    bool accepted_at_least(uint64_t percent) const { return accepted_ * 100 >= cases_ * percent; }

private:
    uint64_t cases_ = 0, accepted_ = 0;
    std::map<std::string, uint64_t> ends_;
};

uint64_t trials() {
    return number_from_environment("WEIR_TRIALS", kTrials);
}

using Maker = std::function<vm::ProgramSpec(uint64_t seed)>;

/// Some functions are said to be global, and to take this or that.
vm::ProgramSpec with_contracts(vm::ProgramSpec program, uint64_t seed) {
    Random random(seed ^ 0xc0117ac7);
    if (program.subprograms.size() < 2 || random.below(2) == 0) return program;
    for (size_t i = 1; i < program.subprograms.size(); ++i) {
        vm::Contract contract;
        contract.returns_number = random.below(8) != 0;
        if (random.below(4) != 0) {
            constexpr vm::Argument kNumber{}, kBuffer{vm::ArgumentKind::Memory, kAimedBufferBytes},
                kWord{vm::ArgumentKind::Memory, 8};
            const std::vector<vm::Argument> likely[] = {
                {kNumber, kNumber}, {kBuffer, kNumber}, {kWord}};
            contract.arguments = likely[random.below(std::size(likely))];
            program.subprograms[i].contract = contract;
            continue;
        }
        for (uint32_t count = random.below(6); count > 0; --count) {
            const uint32_t choice = random.below(8);
            if (choice == 0)
                contract.arguments.push_back({vm::ArgumentKind::Context, 0});
            else if (choice <= 3)
                contract.arguments.push_back({vm::ArgumentKind::Memory, 8u << random.below(5)});
            else
                contract.arguments.push_back({vm::ArgumentKind::Number, 0});
        }
        program.subprograms[i].contract = contract;
    }
    return program;
}

void judge_many(const std::vector<vm::MapSpec>& maps, uint64_t accepted_percent_min,
                const Maker& make) {
    Trial trial(maps);
    Tally tally;
    const uint64_t first = first_seed(), count = trials();
    for (uint64_t seed = first; seed < first + count; ++seed)
        if (!tally.judge(trial, with_contracts(make(seed), seed), seed, kPlan)) return;
    EXPECT_TRUE(tally.accepted_at_least(accepted_percent_min));
}

TEST(Soundness, OfProgramsThatAreValid) {
    judge_many(generate_program(0).maps, 95, [](uint64_t seed) { return generate_program(seed); });
}

TEST(Soundness, OfProgramsAimedAtWeakPoints) {
    judge_many(aimed_maps(), 45,
               [](uint64_t seed) { return aimed_program(seed, aimed_plan(seed)); });
}

TEST(Soundness, OfChangedPrograms) {
    judge_many(aimed_maps(), 20, [](uint64_t seed) {
        AimedPlan plan = aimed_plan(seed);
        plan.slip_one_in = plan.confusions = 0;
        Random random(seed);
        return mutated(aimed_program(seed, plan), random);
    });
}

TEST(Soundness, OfRandomInstructions) {
    judge_many(aimed_maps(), 25, [](uint64_t seed) {
        Random random(seed);
        return random_program(aimed_maps(), random);
    });
}

/// Maps of moderate size alone: they are made anew for each object.
bool is_small(const vm::ProgramSpec& program) {
    constexpr uint64_t kMapBytesMax = 1u << 20;
    return std::ranges::all_of(program.maps, [](const vm::MapSpec& map) {
        return uint64_t{map.entries_max} * map.value_bytes <= kMapBytesMax;
    });
}

TEST(Soundness, OfChangedProgramsOfTheCorpus) {
    const std::vector<CorpusObject> objects = all_corpus_objects(WEIR_CORPUS_DIR);
    const std::vector<Bytes> packets = bytes_of(test_packets());
    TrialPlan plan = kPlan;
    plan.packets = packets;
    Random random(first_seed());
    const auto any = [&](const auto& list) -> const auto& {
        return list[random.below(static_cast<uint32_t>(list.size()))];
    };
    Tally tally;
    while (tally.cases() < trials()) {
        const auto loaded = vm::load_object_file(any(objects).path, {.assume_entries_max = 64});
        ASSERT_TRUE(loaded) << loaded.error().message;
        const vm::ProgramSpec& program = any(loaded->programs);
        if (!is_small(program) || !vm::verify(program)) continue;
        Trial trial(program.maps);
        for (uint64_t i = 0; i < kTrialsPerObject; ++i) {
            const uint64_t seed = random.next();
            Random changes(seed);
            if (!tally.judge(trial, with_contracts(mutated(program, changes), seed), seed, plan))
                return;
        }
    }
    EXPECT_TRUE(tally.accepted_at_least(15));
}

/// With functions where calls and addresses of functions lead.
vm::ProgramSpec written_program(const std::vector<vm::Insn>& insns) {
    vm::ProgramSpec program;
    program.name = "written";
    program.section = "xdp";
    program.maps = aimed_maps();
    program.insns = insns;
    program.subprograms = {{"written", 0}};
    for (size_t at = 0; at < insns.size();) {
        const vm::DecodedInsn insn = vm::decode(insns, at).value();
        const auto target = static_cast<uint32_t>(static_cast<int64_t>(at) + 1 + insn.imm);
        const bool names_function =
            insn.op == vm::Op::kCallLocal || insn.op == vm::Op::kLoadCodeAddr;
        if (names_function && std::ranges::find(program.subprograms, target,
                                                &vm::Subprogram::insn) == program.subprograms.end())
            program.subprograms.push_back({fmt::format("f{}", target), target});
        at += insn.slots();
    }
    std::ranges::sort(program.subprograms, {}, &vm::Subprogram::insn);
    return program;
}

TEST(Soundness, OfTheProgramInTheEnvironment) {
    const char* const path = std::getenv("WEIR_ASM");
    if (path == nullptr) GTEST_SKIP() << "needs WEIR_ASM=FILE";
    std::ifstream file(path);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto insns = vm::assemble(text);
    ASSERT_TRUE(insns) << insns.error().message;
    vm::ProgramSpec program = written_program(*insns);
    program.has_frags = text.starts_with("# xdp.frags");
    if (text.starts_with("# socket")) program.type = vm::ProgramType::SocketFilter;
    Trial trial(program.maps);
    const TrialPlan plan{.runs = 100, .watched_runs = 100, .twin_runs = 100};
    const TrialResult result = trial.run(program, first_seed(), plan);
    fmt::print("{} {} {}\n", words(result.end), result.rule, result.what);
    EXPECT_FALSE(is_failure(result));
}

}  // namespace
}  // namespace weir::tests
