#include "vm/cbpf/analysis.h"

#include <gtest/gtest.h>

namespace weir::vm::cbpf {
namespace {

using Insns = std::vector<ClassicInsn>;

std::vector<Facts> facts_of(const Insns& insns) {
    return analyse(check(insns).value());
}

constexpr ClassicInsn kMatch{0x06, 0, 0, 1}, kNoMatch{0x06, 0, 0, 0}, kReturnA{0x16, 0, 0, 0};

TEST(ClassicAnalysis, NeedsWhatEverySuccessNeeds) {
    const std::vector<Facts> facts = facts_of(
        {{0x28, 0, 0, 12}, {0x15, 0, 2, 1}, {0x20, 0, 0, 30}, kMatch, {0x30, 0, 0, 20}, kMatch});
    EXPECT_EQ(facts[2].needs_bytes, 34u);
    EXPECT_EQ(facts[4].needs_bytes, 21u);
    EXPECT_EQ(facts[1].needs_bytes, 21u);
    EXPECT_EQ(facts[0].needs_bytes, 21u);
}

TEST(ClassicAnalysis, AsksNothingForWaysThatFailAnyhow) {
    const std::vector<Facts> facts =
        facts_of({{0x28, 0, 0, 12}, {0x15, 0, 2, 1}, {0x20, 0, 0, 30}, kMatch, kNoMatch});
    EXPECT_EQ(facts[0].needs_bytes, 34u);
    EXPECT_TRUE(facts[4].always_zero);
    EXPECT_FALSE(facts[0].always_zero);
}

TEST(ClassicAnalysis, SeesThatNothingCanMatch) {
    const std::vector<Facts> facts =
        facts_of({{0x30, 0, 0, 1}, {0x15, 0, 1, 1}, {0x30, 0, 0, kReachBytes}, kNoMatch});
    EXPECT_TRUE(facts[2].always_zero);
    EXPECT_TRUE(facts[0].always_zero);
    EXPECT_FALSE(facts[1].reachable);
}

TEST(ClassicAnalysis, TiesIndexedNeedsToOneX) {
    const std::vector<Facts> facts =
        facts_of({{0x50, 0, 0, 3}, {0x50, 0, 0, 9}, {0x01, 0, 0, 5}, {0x50, 0, 0, 100}, kReturnA});
    EXPECT_EQ(facts[3].needs_x_bytes, 101u);
    EXPECT_EQ(facts[2].needs_x_bytes, 0u);
    EXPECT_EQ(facts[0].needs_x_bytes, 10u);
    EXPECT_EQ(facts[0].needs_bytes, 101u);
}

TEST(ClassicAnalysis, KnowsWhichRegistersAreRead) {
    const std::vector<Facts> facts =
        facts_of({{0x07, 0, 0, 0}, {0x00, 0, 0, 1}, {0x0c, 0, 0, 0}, kReturnA});
    EXPECT_TRUE(facts[0].reads_a);
    EXPECT_FALSE(facts[0].reads_x);
    EXPECT_FALSE(facts[1].reads_a);
    EXPECT_TRUE(facts[1].reads_x);
    EXPECT_FALSE(facts[3].reads_x);
}

TEST(ClassicAnalysis, FindsJoins) {
    const std::vector<Facts> facts =
        facts_of({{0x15, 1, 0, 0}, {0x00, 0, 0, 1}, {0x04, 0, 0, 1}, kReturnA});
    EXPECT_FALSE(facts[1].merge);
    EXPECT_TRUE(facts[2].merge);
    EXPECT_FALSE(facts[3].merge);
}

TEST(ClassicAnalysis, CountsWhatPathsCost) {
    Insns insns;
    for (int diamond = 0; diamond < 40; ++diamond) {
        insns.push_back({0x15, 1, 0, 0});
        insns.push_back({0x04, 0, 0, 1});
    }
    insns.push_back(kReturnA);
    EXPECT_EQ(path_insns(check(insns).value(), 1'000'000), 1'000'000u);
    EXPECT_EQ(path_insns(check({kReturnA}).value(), 1'000'000), 1u);
    // The branch, its extra instruction, and the return twice.
    EXPECT_EQ(path_insns(check({{0x15, 1, 0, 0}, {0x04, 0, 0, 1}, kReturnA}).value(), 100), 4u);
}

}  // namespace
}  // namespace weir::vm::cbpf
