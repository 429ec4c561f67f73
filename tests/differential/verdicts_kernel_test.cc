// Our verdicts and the live kernel's, on generated programs. verdict_classes.txt explains each way
// in which they differ; what it does not explain is a failure. What we accept and the kernel
// refuses is put on trial, so that an explanation cannot hide that the kernel is right.
//
// WEIR_TRIALS=COUNT and WEIR_SEED=FIRST make a long run.

#include <gtest/gtest.h>

#include <sys/utsname.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>

#include "tests/differential/aimed_generator.h"
#include "tests/differential/kernel_judge.h"
#include "tests/differential/mutator.h"
#include "tests/differential/reducer.h"
#include "tests/differential/trial.h"
#include "tests/differential/verdict_classes.h"
#include "tests/support/environment.h"
#include "tests/support/insns.h"
#include "tests/support/kernel_runner.h"
#include "vm/isa/disassemble.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint64_t kPrograms = 2'000;
constexpr TrialPlan kPlan{.runs = 20, .watched_runs = 2, .twin_runs = 2};

/// Two of three as they are generated, one changed.
vm::ProgramSpec make_program(uint64_t seed) {
    const vm::ProgramSpec program = aimed_program(seed, aimed_plan(seed));
    if (seed % 3 != 0) return program;
    Random random(seed);
    return mutated(program, random);
}

/// What of a slot no run comes to, by our proof, does nothing any more.
void cut_dead_code(vm::ProgramSpec& program, const vm::Proof& proof, size_t pc,
                   const vm::DecodedInsn& insn) {
    const vm::InsnFact& fact = proof.facts[pc];
    const vm::Format format = op_info(insn.op).format;
    const bool is_branch = format == vm::Format::JumpImm || format == vm::Format::JumpReg;
    const bool jumps =
        is_branch && fact.jumps &&
        proof.facts[static_cast<size_t>(static_cast<int64_t>(pc) + 1 + insn.off)].reachable;
    const bool falls_through = fact.falls_through && proof.facts[pc + 1].reachable;
    if (!fact.reachable || (is_branch && !jumps))
        for (size_t i = 0; i < insn.slots(); ++i) program.insns[pc + i] = make_insn(vm::Op::kGoto);
    else if (is_branch && !falls_through)
        program.insns[pc] = make_insn(vm::Op::kGoto, 0, 0, insn.off);
}

/// Functions that are never called stay as they are.
vm::ProgramSpec without_dead_code(vm::ProgramSpec program, const vm::Proof& proof) {
    bool is_called = false;
    for (size_t pc = 0; pc < program.insns.size();) {
        if (std::ranges::find(program.subprograms, pc, &vm::Subprogram::insn) !=
            program.subprograms.end())
            is_called = proof.facts[pc].reachable;
        const vm::DecodedInsn insn = vm::decode(program.insns, pc).value();
        if (is_called) cut_dead_code(program, proof, pc, insn);
        pc += insn.slots();
    }
    return closed_up(program);
}

/// nullopt: both say the same.
std::optional<Disagreement> compared(const KernelJudge& judge, const vm::ProgramSpec& program) {
    const auto ours = vm::verify(program);
    const KernelJudgement kernel = judge.judge(program);
    if (ours.has_value() == kernel.accepted) return std::nullopt;
    if (!ours)
        return Disagreement{false, kernel.root_only,
                            fmt::format("{}: {}", ours.error().rule, ours.error().message)};
    const KernelJudgement helped = judge.judge(without_dead_code(program, *ours));
    return Disagreement{true, false,
                        helped.accepted ? "accepts it without dead code" : helped.message};
}

std::string words(const Disagreement& how) {
    return fmt::format("{} {}{}", how.by_kernel ? "kernel" : "we", without_numbers(how.message),
                       how.root_only ? " (the kernel accepts it from root only)" : "");
}

class Verdicts : public testing::Test {
protected:
    void SetUp() override {
        if (const auto missing = kernel_missing()) GTEST_SKIP() << *missing;
        auto classes = read_verdict_classes(WEIR_VERDICT_CLASSES);
        ASSERT_TRUE(classes) << classes.error().message;
        classes_ = std::move(*classes);
        utsname live{};
        ASSERT_EQ(uname(&live), 0);
        if (!std::string_view(live.release).starts_with(classes_.kernel + "."))
            GTEST_SKIP() << "the classes are of " << classes_.kernel << ", this is "
                         << live.release;
    }

    /// Fails, at the first of its kind with what is left of the program when all that does not
    /// matter is taken out.
    void report(const KernelJudge& judge, const vm::ProgramSpec& program, uint64_t seed,
                const Disagreement& how) {
        if (!reported_.insert(words(how)).second) return;
        const vm::ProgramSpec small = reduced(program, [&](const vm::ProgramSpec& tried) {
            const auto other = compared(judge, tried);
            return other && words(*other) == words(how);
        });
        ADD_FAILURE() << "seed " << seed << ", no class explains: " << words(how) << "\n"
                      << vm::disassemble_program(small.insns);
    }

    VerdictClasses classes_;

private:
    std::set<std::string> reported_;
};

TEST_F(Verdicts, DifferFromTheKernelsAsExplained) {
    const auto judge = KernelJudge::make(aimed_maps());
    ASSERT_TRUE(judge) << judge.error().message;
    Trial trial(aimed_maps());
    std::map<std::string, uint64_t> counts;
    uint64_t agreed = 0;
    const uint64_t first = first_seed(), count = number_from_environment("WEIR_TRIALS", kPrograms);
    for (uint64_t seed = first; seed < first + count; ++seed) {
        const vm::ProgramSpec program = make_program(seed);
        const auto how = compared(*judge, program);
        if (!how) {
            ++agreed;
            continue;
        }
        const VerdictClass* const found = classes_.find(*how);
        if (found == nullptr)
            report(*judge, program, seed, *how);
        else
            ++counts[found->why];
        if (!how->by_kernel) continue;
        const TrialResult result = trial.run(program, seed, kPlan);
        EXPECT_LE(result.end, TrialEnd::Passed) << "seed " << seed << ": " << result.what;
    }
    fmt::print("{} of {} agreed\n", agreed, count);
    for (const auto& [why, times] : counts) fmt::print("{}: {}\n", times, why);
    EXPECT_GE(agreed * 100, count * 70);
}

}  // namespace
}  // namespace weir::tests
