// The path to a refusal in words.

#include "vm/verifier/retrace.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "vm/isa/assemble.h"

namespace weir::vm {
namespace {

Rejection rejection_of(std::string_view text, std::vector<Subprogram> functions = {{"main", 0}},
                       std::vector<LineInfo> lines = {}) {
    ProgramSpec program;
    program.name = "main";
    const auto insns = assemble(text);
    EXPECT_TRUE(insns) << (insns ? "" : insns.error().message);
    if (!insns) return {};
    program.insns = *insns;
    program.subprograms = std::move(functions);
    program.lines = std::move(lines);
    auto proof = verify(program);
    EXPECT_FALSE(proof) << text;
    return proof ? Rejection{} : std::move(proof.error());
}

std::vector<std::string> path_of(const Rejection& rejection) {
    std::vector<std::string> path;
    for (const PathStep& step : rejection.path)
        path.push_back(fmt::format("{}: {}", step.insn, step.condition));
    return path;
}

using Path = std::vector<std::string>;

TEST(Retrace, SaysEachChoiceWithWhatWasKnown) {
    const Rejection rejection = rejection_of(
        "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 34\n"
        "if r4 > r3 goto out\nr5 = *(u16 *)(r2 + 12)\nif r5 != 2048 goto out\n"
        "r0 = *(u8 *)(r2 + 34)\nexit\nout: r0 = 1\nexit");
    EXPECT_EQ(path_of(rejection), (Path{"4: r4 (pkt+34(range=0)) > r3 (pkt_end): not taken",
                                        "6: r5 ([0,65535]) != 2048 (0x800): not taken"}));
    EXPECT_EQ(rejection.path_left_out, 0u);
}

TEST(Retrace, LeavesOutJumpsThatHaveOneWay) {
    EXPECT_EQ(path_of(rejection_of("r6 = 1\nif r6 == 1 goto on\nexit\non: r0 = r9\nexit")), Path{});
}

TEST(Retrace, SaysCallsAndReturns) {
    EXPECT_EQ(path_of(rejection_of("r1 = 7\ncall f\nr0 = *(u8 *)(r0 + 0)\nexit\n"
                                   "f: r0 = r1\nexit",
                                   {{"main", 0}, {"f", 4}})),
              (Path{"1: calls f(r1=7)", "5: returns r0=7"}));
}

TEST(Retrace, GoesThroughCallbacks) {
    const Rejection rejection = rejection_of(
        "r1 = 4\nld_pseudo r2, 4, f\nr3 = 0\nr4 = 0\ncall loop\nr0 = r9\nexit\nf: r0 = 0\nexit",
        {{"main", 0}, {"f", 8}});
    EXPECT_EQ(rejection.rule, "uninitialized");
    ASSERT_FALSE(rejection.path.empty()) << rejection.message;
    EXPECT_EQ(path_of(rejection).back(), "5: no further round");
}

TEST(Retrace, NamesTheSourceOfEachStep) {
    const Rejection rejection = rejection_of(
        "r2 = *(u32 *)(r1 + 12)\nif r2 == 3 goto bad\nr0 = 1\nexit\nbad: r0 = r9\nexit",
        {{"main", 0}}, {{0, 5, "a.c", "if (x == 3)"}, {4, 6, "a.c", "return y;"}});
    ASSERT_EQ(rejection.path.size(), 1u);
    EXPECT_EQ(rejection.path[0].line, "a.c:5: if (x == 3)");
    EXPECT_TRUE(rejection.path[0].taken);
}

/// More branches than are kept: the first and the last stay.
TEST(Retrace, KeepsBothEndsOfALongPath) {
    std::string text = "r6 = *(u32 *)(r1 + 12)\n";
    const auto branches = static_cast<uint32_t>(verifier::kPathStepsMax) + 100;
    for (uint32_t i = 0; i < branches; ++i)
        text += fmt::format("if r6 == {} goto out\n", i + 1'000'000);
    text += "r0 = r9\nexit\nout: r0 = 1\nexit";
    const Rejection rejection = rejection_of(text);
    EXPECT_EQ(rejection.path.size(), verifier::kPathStepsMax);
    EXPECT_EQ(rejection.path_left_out, 100u);
    EXPECT_EQ(rejection.path.front().insn, 1u);
    EXPECT_EQ(rejection.path.back().insn, branches);
}

}  // namespace
}  // namespace weir::vm
