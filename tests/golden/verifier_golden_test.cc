// Every text of golden/verifier: assembled, verified, compared with the name's verdict and with the
// whole answer. What is refused is refused in whatever order its ways are walked, too.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "tests/golden/golden_file.h"
#include "tests/golden/turned_program.h"
#include "tests/golden/verifier_texts.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

/// Counted, not timed, so that every machine gives the same answer.
constexpr vm::Budget kBudget{
    .visited_insns_max = 50'000, .states_max = 50'000, .time_ms_max = 600'000};

std::string answer(const vm::ProgramSpec& program) {
    const auto proof = vm::verify(program, kBudget);
    if (proof)
        return fmt::format("accept, {} instructions visited, {} bytes of stack\n",
                           proof->visited_insns, proof->stack_bytes_total);
    const vm::Rejection& rejection = proof.error();
    return fmt::format("{} at insn {}: {}\n{}\n", rejection.rule, rejection.insn, rejection.message,
                       rejection.state);
}

std::vector<std::filesystem::path> text_files() {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(WEIR_GOLDEN_DIR) + "/verifier"))
        paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
}

TEST(VerifierGolden, EveryTextGivesItsVerdictAndItsWords) {
    size_t count = 0;
    for (const auto& path : text_files()) {
        GoldenFile file = read_golden(path);
        for (GoldenBlock& block : file.blocks) {
            ++count;
            const std::string got = answer(text_program(block));
            EXPECT_EQ(got.substr(0, got.find_first_of(", ")), text_verdict(block))
                << path.filename() << ": " << block.name << "\n"
                << block.input << got;
            if (rewrite_golden())
                block.expected = got;
            else
                EXPECT_EQ(got, block.expected) << path.filename() << ": " << block.name;
        }
        if (rewrite_golden()) write_golden(path, file);
    }
    EXPECT_GE(count, 300u);
}

/// What ran out of the budget is not known to be unsafe, and may be proven in another order.
TEST(VerifierGolden, TurningBranchesAroundChangesNoVerdict) {
    size_t count = 0;
    for (const auto& path : text_files())
        for (const GoldenBlock& block : read_golden(path).blocks)
            for (const Turn turn : {Turn::None, Turn::All, Turn::Even, Turn::Odd}) {
                const auto program = turned_program(text_program(block), turn);
                if (!program || text_verdict(block) == "budget") continue;
                ++count;
                const bool is_accepted = vm::verify(*program, kBudget).has_value();
                EXPECT_EQ(is_accepted, text_verdict(block) == "accept")
                    << path.filename() << ": " << block.name << " (" << static_cast<int>(turn)
                    << ")\n"
                    << block.input << answer(*program);
            }
    EXPECT_GE(count, 600u);
}

}  // namespace
}  // namespace weir::tests
