// Counterexamples over the texts of golden/verifier: how many rejected ones get one, and that no
// safe one does.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "controlplane/cli/counterexample.h"
#include "tests/golden/verifier_texts.h"
#include "vm/verifier/explanation.h"

namespace weir::tests {
namespace {

using controlplane::cli::find_counterexample;

/// Counted, not timed, so that every machine gives the same answer.
constexpr controlplane::cli::SearchBudget kSearch{.runs_max = 400, .time_ms_max = 600'000};
constexpr vm::Budget kBudget{
    .visited_insns_max = 50'000, .states_max = 50'000, .time_ms_max = 600'000};

std::vector<std::filesystem::path> text_paths() {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(WEIR_GOLDEN_DIR) + "/verifier"))
        paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
}

void show(const GoldenBlock& block, const vm::Rejection& rejection,
          const controlplane::cli::SearchOutcome& search) {
    if (std::getenv("WEIR_SHOW_COUNTEREXAMPLES") == nullptr) return;
    fmt::print("=== {}\n", block.name);
    for (const std::string& line :
         vm::explanation_lines(rejection, controlplane::cli::verdict_text(search)))
        fmt::print("{}\n", line);
}

TEST(CounterexampleGolden, ManyRejectedTextsGetOne) {
    std::map<std::string, std::pair<size_t, size_t>> by_rule;  // found, all
    for (const auto& path : text_paths())
        for (const GoldenBlock& block : read_golden(path).blocks) {
            const vm::ProgramSpec program = text_program(block);
            const auto proof = vm::verify(program, kBudget);
            if (proof || text_verdict(block) == "accept") continue;
            const auto search = find_counterexample(program, proof.error(), kSearch);
            show(block, proof.error(), search);
            auto& [found, all] = by_rule[proof.error().rule];
            ++all;
            found += search.example ? 1 : 0;
        }
    size_t found_in_all = 0, all_in_all = 0;
    for (const auto& [rule, counts] : by_rule) {
        fmt::print("{:<20} {} of {}\n", rule, counts.first, counts.second);
        found_in_all += counts.first;
        all_in_all += counts.second;
    }
    fmt::print("all: {} of {}\n", found_in_all, all_in_all);
    EXPECT_GE(found_in_all * 100, all_in_all * 70);
}

/// What is searched for is anything wrong anywhere, as of a rejection whose path nobody knows.
TEST(CounterexampleGolden, NoSafeTextGetsOne) {
    size_t searched = 0;
    for (const auto& path : text_paths())
        for (const GoldenBlock& block : read_golden(path).blocks) {
            if (text_verdict(block) != "accept") continue;
            const vm::ProgramSpec program = text_program(block);
            vm::Rejection rejection;
            rejection.rule = "packet-bounds";
            rejection.insn = static_cast<uint32_t>(program.insns.size() - 1);
            ++searched;
            const auto example = find_counterexample(program, rejection, kSearch).example;
            EXPECT_FALSE(example) << path.filename() << ": " << block.name << "\n"
                                  << block.input << (example ? example->what : "");
        }
    EXPECT_GE(searched, 100u);
}

}  // namespace
}  // namespace weir::tests
