// The corpus' large programs: each is proven, and within a number of walked instructions that is
// written down in large_corpus.txt, so that a verifier which scales worse fails here and not at
// some user's. Lines are "OBJECT/PROGRAM at-most N"; "OBJECT/PROGRAM over-budget" are those that
// nobody proves, the kernel neither. WEIR_GOLDEN_REWRITE=1 writes the file anew, with half as much
// again as was walked.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "tests/support/corpus_objects.h"
#include "vm/elf/elf.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

const std::string kBounds = WEIR_BOUNDS_FILE;
/// Instructions end a proof here, not the clock: the machine may be busy, or its code checked.
constexpr uint64_t kTimeMsMax = 120'000;
constexpr size_t kProgramsMin = 390;  ///< nothing gets lost unseen
constexpr size_t kOverBudgetMax = 22;
constexpr uint64_t kRounding = 100;

/// Walked instructions that a program may take; nullopt: more than the budget has.
using Bounds = std::map<std::string, std::optional<uint64_t>>;

Bounds read_bounds() {
    Bounds bounds;
    std::ifstream file(kBounds);
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line.front() == '#') continue;
        std::istringstream words(line);
        std::string program, word;
        uint64_t most = 0;
        words >> program >> word;
        if (word == "over-budget")
            bounds[program] = std::nullopt;
        else if (word == "at-most" && words >> most)
            bounds[program] = most;
        else
            ADD_FAILURE() << kBounds << ": " << line;
    }
    return bounds;
}

void write_bounds(const Bounds& bounds) {
    std::ofstream file(kBounds);
    file << "# Written by large_corpus_test with WEIR_GOLDEN_REWRITE=1.\n";
    for (const auto& [program, most] : bounds)
        file << program << (most ? fmt::format(" at-most {}\n", *most) : " over-budget\n");
}

vm::ObjectSpec load(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const Bytes bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    auto object = vm::load_object(bytes, {});
    EXPECT_TRUE(object) << path << ": " << object.error().message;
    return object ? std::move(*object) : vm::ObjectSpec{};
}

template <typename Visit>
void for_each_large_program(Visit visit) {
    for (const CorpusObject& object : corpus_objects(std::string(WEIR_CORPUS_DIR) + "/large"))
        for (const vm::ProgramSpec& program : load(object.path).programs)
            visit(fmt::format("{}.{}/{}", object.name, object.level, program.name), program);
}

TEST(LargeCorpus, IsProvenWithinTheInstructionsWrittenDown) {
    const bool rewrites = std::getenv("WEIR_GOLDEN_REWRITE") != nullptr;
    const Bounds bounds = rewrites ? Bounds{} : read_bounds();
    Bounds now;
    size_t over = 0;
    for_each_large_program([&](const std::string& name, const vm::ProgramSpec& program) {
        const auto bound = bounds.find(name);
        if (!rewrites) {
            ASSERT_NE(bound, bounds.end()) << name << " is not in " << kBounds;
        }
        const auto proof = vm::verify(program, {.time_ms_max = kTimeMsMax});
        if (proof)
            now[name] = (proof->visited_insns * 3 / 2 / kRounding + 1) * kRounding;
        else
            now[name] = std::nullopt;
        if (!proof) {
            EXPECT_EQ(proof.error().rule, "budget") << name << ": " << proof.error().message;
            ++over;
        }
        if (rewrites) return;
        if (!bound->second) {
            EXPECT_FALSE(proof) << name << " is proven now: write its bound down";
            return;
        }
        EXPECT_TRUE(proof) << name << ": " << proof.error().message;
        if (proof) {
            EXPECT_LE(proof->visited_insns, *bound->second) << name;
        }
    });
    EXPECT_GE(now.size(), kProgramsMin);
    EXPECT_LE(over, kOverBudgetMax);
    if (rewrites) write_bounds(now);
}

}  // namespace
}  // namespace weir::tests
