#include "jit/analysis.h"

#include <gtest/gtest.h>

#include "tests/support/insns.h"
#include "vm/base/limits.h"

namespace weir::jit {
namespace {

using tests::InsnWriter;
using vm::Op;

Result<Analysis> analysis_of(const InsnWriter& w, std::span<const vm::InsnFact> facts = {}) {
    const std::vector<vm::DecodedSlot> slots = vm::decode_program(w.insns()).value();
    CompileInput input;
    input.slots = slots;
    input.facts = facts;
    input.functions = find_functions(slots, kStackBytes);
    return analyse(input);
}

std::string refusal_of(const InsnWriter& w) {
    const Result<Analysis> analysis = analysis_of(w);
    if (analysis) return "accepted";
    EXPECT_EQ(analysis.error().kind, ErrorKind::kUnsupported);
    return analysis.error().message;
}

TEST(Analysis, FindsWhatEachFunctionUses) {
    InsnWriter w;
    w.mov(6, 1).mov_reg(2, 9).put(Op::kCallLocal, 0, 0, 0, 1).exit();
    w.store64(10, -8, 7).put(Op::kAtomicFetchAdd64, 10, 8, -8).call(23).exit();
    const Result<Analysis> analysis = analysis_of(w);
    ASSERT_TRUE(analysis.has_value()) << analysis.error().message;
    ASSERT_EQ(analysis->functions.size(), 2u);
    EXPECT_EQ(analysis->functions[0].saved_written, 1u << 6);
    EXPECT_FALSE(analysis->functions[0].uses_frame);
    EXPECT_EQ(analysis->functions[0].stack_bytes, 0u);
    EXPECT_EQ(analysis->functions[1].saved_written, 1u << 8);
    EXPECT_TRUE(analysis->functions[1].uses_frame);
    EXPECT_EQ(analysis->functions[1].stack_bytes, kStackBytes);
    EXPECT_TRUE(analysis->needs_env && analysis->may_redirect);
    EXPECT_EQ(analysis->function_at(4), 1u);
}

TEST(Analysis, MarksWhereJumpsLand) {
    InsnWriter w;
    w.mov(0, 0).put(Op::kJeq64Imm, 0, 0, 1, 0).mov(0, 1).exit();
    const Result<Analysis> analysis = analysis_of(w);
    ASSERT_TRUE(analysis.has_value());
    EXPECT_EQ(analysis->jump_targets, (std::vector<uint8_t>{0, 0, 0, 1}));
}

TEST(Analysis, IgnoresWhatTheVerifierFoundUnreachable) {
    InsnWriter w;
    w.mov(0, 0).exit().call(23);
    std::vector<vm::InsnFact> facts(3);
    facts[0].reachable = facts[1].reachable = true;
    const Result<Analysis> analysis = analysis_of(w, facts);
    ASSERT_TRUE(analysis.has_value()) << analysis.error().message;
    EXPECT_FALSE(analysis->needs_env);
}

TEST(Analysis, RefusesWhatHasNoMachineCode) {
    InsnWriter legacy, write_frame, runs_on, no_function;
    legacy.put(Op::kLoadPacketAbs8, 0, 0, 0, 0).exit();
    write_frame.mov(10, 0).exit();
    no_function.load_code(1, 2).exit().exit();
    runs_on.mov(0, 0).put(Op::kJeq64Imm, 0, 0, -2, 1);
    EXPECT_EQ(refusal_of(legacy),
              "jit: insn 0: legacy packet access is not offered to XDP programs");
    EXPECT_EQ(refusal_of(no_function), "jit: insn 0: address of 3, where no function begins");
    EXPECT_EQ(refusal_of(write_frame), "jit: insn 0: r10 is read-only");
    EXPECT_EQ(refusal_of(runs_on), "jit: insn 1: function runs past its end");
}

TEST(Analysis, RefusesJumpsBetweenFunctions) {
    InsnWriter w;
    w.put(Op::kCallLocal, 0, 0, 0, 2).put(Op::kJeq64Imm, 0, 0, 1, 0).exit().mov(0, 0).exit();
    EXPECT_EQ(refusal_of(w), "jit: insn 1: jump to 3 leaves the function");
}

TEST(Analysis, FunctionsBeginWhereCallsLand) {
    InsnWriter w;
    w.put(Op::kCallLocal, 0, 0, 0, 3).put(Op::kCallLocal, 0, 0, 0, 0).exit().exit().exit();
    w.at(1).imm = 1;
    const std::vector<vm::DecodedSlot> slots = vm::decode_program(w.insns()).value();
    const std::vector<FunctionInput> functions = find_functions(slots, 64);
    ASSERT_EQ(functions.size(), 3u);
    EXPECT_EQ(functions[1].entry, 3u);
    EXPECT_EQ(functions[2].entry, 4u);
    EXPECT_EQ(functions[2].stack_bytes, 64u);
}

}  // namespace
}  // namespace weir::jit
