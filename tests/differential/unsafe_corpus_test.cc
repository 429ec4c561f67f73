// The corpus' unsafe programs against the instrumented interpreter: what the verifier refuses of
// them goes wrong over some packet, and is explained within the lines that an explanation has.

#include <gtest/gtest.h>

#include <fmt/core.h>

#include "controlplane/cli/counterexample.h"
#include "tests/support/corpus_objects.h"
#include "vm/elf/elf.h"
#include "vm/verifier/explanation.h"

namespace weir {
namespace {

/// Counted, not timed, so that every machine gives the same answer.
constexpr controlplane::cli::SearchBudget kSearch{.runs_max = 500, .time_ms_max = 600'000};

TEST(UnsafeCorpus, IsShownToGoWrong) {
    const auto objects = tests::corpus_objects(std::string(WEIR_CORPUS_DIR) + "/unsafe");
    size_t shown = 0;
    for (const tests::CorpusObject& object : objects) {
        SCOPED_TRACE(object.path);
        const auto loaded = vm::load_object_file(object.path, {});
        ASSERT_TRUE(loaded) << loaded.error().message;
        const vm::ProgramSpec& program = loaded->programs.at(0);
        const auto proof = vm::verify(program);
        ASSERT_FALSE(proof) << "accepted";
        const auto search = controlplane::cli::find_counterexample(program, proof.error(), kSearch);
        if (!search.example) fmt::print("{}: {}\n", object.path, search.why_not);
        EXPECT_LE(
            vm::explanation_lines(proof.error(), controlplane::cli::verdict_text(search)).size(),
            vm::kExplanationLinesMax);
        shown += search.example ? 1 : 0;
    }
    fmt::print("{} of {} unsafe programs are shown to go wrong\n", shown, objects.size());
    // The others read what every packet has, or fields and helpers that do not exist.
    EXPECT_GE(shown * 100, objects.size() * 80);
    EXPECT_GE(objects.size(), 80u);
}

}  // namespace
}  // namespace weir
