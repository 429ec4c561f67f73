// The text of a rejection: its order, its limits, and what it does with an object's own words.

#include "vm/verifier/explanation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

namespace weir::vm {
namespace {

Rejection make_rejection() {
    Rejection rejection;
    rejection.insn = 17;
    rejection.line = "src/filter.c:42: ttl = p[38];";
    rejection.rule = "packet-bounds";
    rejection.message = "packet read of 1 bytes at offset 38: only 34 bytes are proven";
    rejection.state = "r1=ctx r2=pkt(range=34)";
    rejection.insn_text = "r1 = *(u8 *)(r2 + 0x26)";
    rejection.hint = "before insn 17: if (data + 39 > data_end) return XDP_DROP;";
    rejection.path = {{4, false, "r4 (pkt+34) > r3 (pkt_end): not taken", "src/filter.c:30: if"}};
    return rejection;
}

std::vector<PathStep> long_path(uint32_t steps) {
    std::vector<PathStep> path;
    for (uint32_t i = 0; i < steps; ++i) path.push_back({i, true, "r1 (?) == 0: taken", ""});
    return path;
}

/// Rounds of a loop with two jumps, the last of which goes out.
std::vector<PathStep> loop_path(uint32_t rounds) {
    std::vector<PathStep> path;
    for (uint32_t i = 0; i < rounds; ++i) {
        path.push_back({3, false, fmt::format("r1 ({}) == 0: not taken", i), ""});
        path.push_back({5, true, "r2 (?) != r1 (?): taken", ""});
    }
    path.back().taken = false;
    return path;
}

size_t columns(const std::string& text) {
    return static_cast<size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

TEST(Explanation, SaysRulePlacePathValuesHintAndVerdictInThisOrder) {
    const std::vector<std::string> expected = {
        "packet-bounds: packet read of 1 bytes at offset 38: only 34 bytes are proven",
        "  at     insn 17: r1 = *(u8 *)(r2 + 0x26)",
        "  source filter.c:42: ttl = p[38];",
        "  path   insn 4: r4 (pkt+34) > r3 (pkt_end): not taken | filter.c:30: if",
        "  known  r1=ctx r2=pkt(range=34)",
        "  hint   before insn 17: if (data + 39 > data_end) return XDP_DROP;",
        "  so     unsafe: a 38-byte packet",
    };
    EXPECT_EQ(explanation_lines(make_rejection(), "unsafe: a 38-byte packet"), expected);
}

/// Where the walk was when the budget was spent has nothing to do with the reason.
TEST(Explanation, TakesNoChanceForThePlace) {
    Rejection rejection = make_rejection();
    rejection.rule = "budget";
    const std::vector<std::string> lines = explanation_lines(rejection);
    EXPECT_EQ(lines.at(1), "  last   insn 17: r1 = *(u8 *)(r2 + 0x26)");
    EXPECT_TRUE(lines.at(2).starts_with("  path "));
    rejection.rule = "program-type";
    EXPECT_TRUE(explanation_lines(rejection).at(1).starts_with("  path "));
}

TEST(Explanation, LeavesOutWhatIsNotKnown) {
    Rejection rejection;
    rejection.rule = "malformed";
    rejection.message = "the program has no instructions";
    const std::vector<std::string> expected = {"malformed: the program has no instructions",
                                               "  at     insn 0"};
    EXPECT_EQ(explanation_lines(rejection), expected);
}

TEST(Explanation, LongPathsLoseTheirMiddle) {
    Rejection rejection = make_rejection();
    rejection.path = long_path(100);
    rejection.path_left_out = 1000;
    const std::vector<std::string> lines = explanation_lines(rejection);
    EXPECT_EQ(lines.size(), kExplanationLinesMax);
    EXPECT_EQ(lines[3], "  path   insn 0: r1 (?) == 0: taken");
    const auto gap =
        std::ranges::find_if(lines, [](const auto& line) { return line.contains(" more …"); });
    ASSERT_NE(gap, lines.end());
    EXPECT_EQ(*gap, "         … 1067 more …");
    EXPECT_EQ(lines[lines.size() - 3], "         insn 99: r1 (?) == 0: taken");
}

TEST(Explanation, ShowsFirstAndLastRoundOfALoop) {
    Rejection rejection = make_rejection();
    rejection.path = loop_path(50);
    const std::vector<std::string> lines = explanation_lines(rejection);
    const std::vector<std::string> path(lines.begin() + 3, lines.end() - 2);
    const std::vector<std::string> expected = {
        "  path   insn 3: r1 (0) == 0: not taken",  "         insn 5: r2 (?) != r1 (?): taken",
        "         … 47 rounds like this …",         "         insn 3: r1 (48) == 0: not taken",
        "         insn 5: r2 (?) != r1 (?): taken", "         insn 3: r1 (49) == 0: not taken",
        "         insn 5: r2 (?) != r1 (?): taken",
    };
    EXPECT_EQ(path, expected);
}

TEST(Explanation, APathOfAnyLengthFits) {
    for (uint32_t steps = 0; steps < 60; ++steps) {
        Rejection rejection = make_rejection();
        rejection.path = long_path(steps);
        EXPECT_LE(explanation_lines(rejection, "not proven").size(), kExplanationLinesMax) << steps;
    }
}

/// Every part as long as hostile debug information can make it.
TEST(Explanation, KeepsWithinLinesAndColumnsWhateverItIsGiven) {
    Rejection rejection = make_rejection();
    for (std::string* part : {&rejection.line, &rejection.message, &rejection.state,
                              &rejection.insn_text, &rejection.hint, &rejection.rule})
        for (int i = 0; i < 3000; ++i) *part += i % 7 == 0 ? " ä…" : "x";
    rejection.path = long_path(500);
    for (PathStep& step : rejection.path) step.line = rejection.line;
    const std::vector<std::string> lines =
        explanation_lines(rejection, std::string(5000, 'v') + " w");
    EXPECT_EQ(lines.size(), kExplanationLinesMax);
    for (const std::string& line : lines) EXPECT_LE(columns(line), kExplanationColumnsMax) << line;
}

TEST(Explanation, ShowsNoControlCharacterOfAnObject) {
    Rejection rejection = make_rejection();
    rejection.line = "a.c:1:\tx\x1b[2J\n\x7f";
    rejection.path[0].line = "b.c:2: \r\x1b]0;";
    for (const std::string& line : explanation_lines(rejection))
        EXPECT_TRUE(std::ranges::none_of(line, [](char c) {
            return static_cast<uint8_t>(c) < 0x20 || c == 0x7f;
        })) << line;
    EXPECT_EQ(explanation_lines(rejection)[2], "  source a.c:1: x?[2J??");
}

}  // namespace
}  // namespace weir::vm
