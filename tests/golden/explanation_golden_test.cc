// Every rule's refusal as a person reads it, with its counterexample: programs in C with their line
// information (explain/*.bpf.c), and texts for what no compiler writes (explain/texts.txt).

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "controlplane/cli/counterexample.h"
#include "tests/golden/verifier_texts.h"
#include "vm/elf/elf.h"
#include "vm/verifier/explanation.h"
#include "vm/verifier/hints.h"

namespace weir::tests {
namespace {

/// Counted, not timed, so that every machine gives the same answer.
constexpr controlplane::cli::SearchBudget kSearch{.runs_max = 1'000, .time_ms_max = 600'000};
constexpr vm::Budget kBudget{
    .visited_insns_max = 100'000, .states_max = 50'000, .time_ms_max = 600'000};

struct Explained {
    std::string rule;
    std::string text;
};

Explained explain(const vm::ProgramSpec& program) {
    const auto proof = vm::verify(program, kBudget);
    if (proof) return {"accept", "accepted\n"};
    const auto search = controlplane::cli::find_counterexample(program, proof.error(), kSearch);
    const std::vector<std::string> lines =
        vm::explanation_lines(proof.error(), controlplane::cli::verdict_text(search));
    EXPECT_LE(lines.size(), vm::kExplanationLinesMax) << program.name;
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return {proof.error().rule, text};
}

std::string golden_path(std::string_view topic) {
    return fmt::format("{}/explain/{}.txt", WEIR_GOLDEN_DIR, topic);
}

std::vector<vm::ProgramSpec> programs_of(std::string_view topic) {
    const std::string path = fmt::format("{}/{}.bpf.o", WEIR_EXPLAIN_OBJECTS, topic);
    auto object = vm::load_object_file(path, {});
    EXPECT_TRUE(object) << (object ? "" : object.error().message);
    return object ? std::move(object->programs) : std::vector<vm::ProgramSpec>{};
}

/// The rules of what was refused.
std::set<std::string> check_objects() {
    std::set<std::string> rules;
    for (const std::string_view topic : {"memory", "calls", "flow"}) {
        GoldenFile file = read_golden(golden_path(topic));
        std::vector<GoldenBlock> blocks;
        for (const vm::ProgramSpec& program : programs_of(topic)) {
            const Explained explained = explain(program);
            rules.insert(explained.rule);
            EXPECT_NE(explained.rule, "accept") << topic << ": " << program.name;
            const auto known = std::ranges::find(file.blocks, program.name, &GoldenBlock::name);
            if (!rewrite_golden()) {
                EXPECT_EQ(explained.text, known == file.blocks.end() ? "" : known->expected)
                    << topic << ": " << program.name;
            }
            blocks.push_back({program.name, "", explained.text});
        }
        EXPECT_EQ(blocks.size(), file.blocks.size()) << topic;
        file.blocks = std::move(blocks);
        if (rewrite_golden()) write_golden(golden_path(topic), file);
    }
    return rules;
}

/// Remarks beside those of verifier_texts.h: what a spec may say that no text can.
vm::ProgramSpec odd_program(const GoldenBlock& block) {
    vm::ProgramSpec program = text_program(block);
    if (const std::string type = text_remark(block, "type number"); !type.empty())
        program.type = static_cast<vm::ProgramType>(std::stoul(type));
    if (const std::string bytes = text_remark(block, "key bytes of table"); !bytes.empty())
        program.maps[1].key_bytes = static_cast<uint32_t>(std::stoul(bytes));
    return program;
}

std::set<std::string> check_texts() {
    std::set<std::string> rules;
    GoldenFile file = read_golden(golden_path("texts"));
    for (GoldenBlock& block : file.blocks) {
        const Explained explained = explain(odd_program(block));
        rules.insert(explained.rule);
        EXPECT_EQ(explained.rule, text_verdict(block)) << block.name;
        if (rewrite_golden())
            block.expected = explained.text;
        else
            EXPECT_EQ(explained.text, block.expected) << block.name;
    }
    if (rewrite_golden()) write_golden(golden_path("texts"), file);
    return rules;
}

TEST(ExplanationGolden, EveryRuleIsExplained) {
    std::set<std::string> rules = check_objects();
    rules.merge(check_texts());
    // The loader's, which no program gets that reaches the verifier: tests/golden/verify.
    rules.insert("unsupported");
    // Of proofs for all rounds of a loop, which are tried once more round by round.
    rules.insert("termination");
    for (const std::string_view rule : vm::verifier::hinted_rules())
        EXPECT_TRUE(rules.contains(std::string(rule))) << rule;
}

}  // namespace
}  // namespace weir::tests
