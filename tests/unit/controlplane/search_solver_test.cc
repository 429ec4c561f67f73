// From a comparison back to the bytes that decide it.

#include "controlplane/cli/search_solver.h"

#include <gtest/gtest.h>

#include <functional>

namespace weir::controlplane::cli {
namespace {

using vm::Op;

class SolverTest : public testing::Test {
protected:
    SolverTest() { input.packet.resize(64); }

    Value byte(uint32_t offset) {
        return terms.unknown({UnknownKind::PacketByte, 0, offset}, input.packet[offset]);
    }
    /// As a load of 2 or 4 bytes gives it.
    Value number(uint32_t offset, uint32_t bytes) {
        std::vector<Value> parts;
        for (uint32_t i = 0; i < bytes; ++i) parts.push_back(byte(offset + i));
        return terms.joined(parts);
    }
    Value length() { return terms.unknown({UnknownKind::PacketLength}, input.packet.size()); }
    static Value constant(uint64_t number) { return {number, 0}; }

    /// What `value` is with the solution of `goal`; nullopt: there was none.
    std::optional<uint64_t> solved(const Condition& goal, Value value,
                                   std::span<const Condition> before = {}) {
        const auto found = Solver(terms).solve(input, before, goal);
        if (!found) return std::nullopt;
        solution = *found;
        const std::vector<uint64_t> numbers = terms.evaluate(*found);
        EXPECT_TRUE(holds(goal, numbers));
        for (const Condition& condition : before) EXPECT_TRUE(holds(condition, numbers));
        return number_of(numbers, value);
    }

    SearchInput input, solution;
    Terms terms;
};

TEST_F(SolverTest, SetsBytesOfANumberInNetworkOrder) {
    const Value type = terms.apply(Op::kBe16, number(12, 2), {});
    EXPECT_EQ(solved({Op::kJeq64Imm, true, type, constant(0x0800)}, type), 0x0800u);
    EXPECT_EQ(solution.packet[12], 0x08);
    EXPECT_EQ(solution.packet[13], 0x00);
}

TEST_F(SolverTest, GoesThroughMasksShiftsAndSums) {
    input.packet[14] = 0x45;
    const Value words = terms.apply(Op::kAnd64Imm, byte(14), constant(15));
    const Value bytes = terms.apply(Op::kLsh64Imm, words, constant(2));
    const Value end = terms.apply(Op::kAdd64Imm, bytes, constant(14));
    EXPECT_EQ(solved({Op::kJeq64Imm, true, end, constant(74)}, end), 74u);
    EXPECT_EQ(solution.packet[14], 0x4f);  // what the mask leaves out stays
    EXPECT_EQ(solved({Op::kJgt64Imm, true, end, constant(70)}, end), 74u);
    EXPECT_FALSE(solved({Op::kJeq64Imm, true, end, constant(73)}, end));
    EXPECT_FALSE(solved({Op::kJgt64Imm, true, end, constant(74)}, end));
}

TEST_F(SolverTest, ShortensAndLengthensThePacket) {
    const Value end = terms.apply(Op::kAdd64Imm, length(), constant(0x1000));
    EXPECT_EQ(solved({Op::kJgt64Reg, true, constant(0x1000 + 34), end}, length()), 33u);
    EXPECT_EQ(solution.packet.size(), 33u);
    EXPECT_EQ(solved({Op::kJle64Reg, true, constant(0x1000 + 200), end}, length()), 200u);
    EXPECT_FALSE(solved({Op::kJgt64Reg, true, constant(0x1000 + 14), end}, length()));
}

TEST_F(SolverTest, MendsWhatAChangeBreaks) {
    const Value first = byte(0), sum = terms.apply(Op::kAdd64Reg, byte(0), byte(1));
    const std::vector<Condition> before = {{Op::kJlt64Imm, true, first, constant(10)}};
    const auto found = solved({Op::kJeq64Imm, true, sum, constant(200)}, sum, before);
    EXPECT_EQ(found, 200u);
    EXPECT_LT(solution.packet[0], 10);
}

TEST_F(SolverTest, KnowsWhenItIsAtItsEnd) {
    const Value first = byte(0);
    const std::vector<Condition> before = {{Op::kJlt64Imm, true, first, constant(10)}};
    EXPECT_FALSE(solved({Op::kJgt64Imm, true, first, constant(20)}, first, before));
}

TEST_F(SolverTest, FindsNumbersForEveryComparison) {
    struct Case {
        Op op;
        uint64_t other;
    };
    const Case cases[] = {{Op::kJeq64Imm, 77},   {Op::kJne64Imm, 0},     {Op::kJgt64Imm, 200},
                          {Op::kJge64Imm, 255},  {Op::kJset64Imm, 0x10}, {Op::kJsgt64Imm, 3},
                          {Op::kJsge64Imm, 250}, {Op::kJeq32Imm, 8},     {Op::kJgt32Imm, 9},
                          {Op::kJset32Imm, 4}};
    for (const Case& each : cases)
        EXPECT_TRUE(solved({each.op, true, byte(3), constant(each.other)}, byte(3)))
            << vm::op_info(each.op).name;
    input.packet[5] = 9;
    for (const Op op : {Op::kJlt64Imm, Op::kJle64Imm, Op::kJslt64Imm, Op::kJsle64Imm, Op::kJlt32Imm,
                        Op::kJsle32Imm, Op::kJne64Imm})
        EXPECT_TRUE(
            solved({op, true, byte(5), constant(9 - (op != Op::kJlt64Imm ? 0u : 3u))}, byte(5)))
            << vm::op_info(op).name;
}

TEST_F(SolverTest, SignedNumbersComeOutOfShortOnes) {
    const Value wide = terms.apply(Op::kMovSx8To64, {}, byte(7));
    EXPECT_EQ(solved({Op::kJslt64Imm, true, wide, constant(0)}, wide).value_or(0) >> 63, 1u);
}

TEST_F(SolverTest, ScalesAndDivides) {
    const Value product = terms.apply(Op::kMul64Imm, number(2, 2), constant(24));
    EXPECT_EQ(solved({Op::kJeq64Imm, true, product, constant(240)}, product), 240u);
    EXPECT_FALSE(solved({Op::kJeq64Imm, true, product, constant(241)}, product));
    const Value rest = terms.apply(Op::kMod64Imm, number(4, 4), constant(16));
    EXPECT_EQ(solved({Op::kJeq64Imm, true, rest, constant(15)}, rest), 15u);
    const Value part = terms.apply(Op::kDiv64Imm, number(8, 2), constant(100));
    EXPECT_EQ(solved({Op::kJeq64Imm, true, part, constant(7)}, part), 7u);
}

TEST_F(SolverTest, TurnsLookUpsAndCalls) {
    const Value value = terms.unknown({UnknownKind::LookupHit, 1, 0}, 0);
    EXPECT_TRUE(solved({Op::kJne64Imm, true, value, constant(0)}, value));
    ASSERT_EQ(solution.lookups.size(), 2u);
    EXPECT_TRUE(solution.lookups[1].hit);
    const Value status = terms.unknown({UnknownKind::FailableCall, 0, 22}, 0);
    EXPECT_EQ(solved({Op::kJslt64Imm, true, status, constant(0)}, status),
              static_cast<uint64_t>(-22));
    const Value record = terms.unknown({UnknownKind::FailableCall, 1, 0}, 0x1000);
    EXPECT_EQ(solved({Op::kJeq64Imm, true, record, constant(0)}, record), 0u);
    const Value key = number(20, 4);
    const Value element = terms.choice(key, constant(16), 0x4000, 0);
    EXPECT_EQ(solved({Op::kJeq64Imm, true, element, constant(0)}, key), 16u);
}

/// What terms say of another input is what the machine would compute.
TEST_F(SolverTest, TermsAgreeWithArithmetic) {
    const Op ops[] = {Op::kAdd64Reg, Op::kSub32Reg, Op::kXor64Reg, Op::kOr32Reg,  Op::kAnd64Reg,
                      Op::kMul32Reg, Op::kDiv64Reg, Op::kMod32Reg, Op::kLsh64Reg, Op::kArsh32Reg};
    std::vector<std::pair<Op, Value>> made;
    const Value left = number(0, 4), right = number(4, 2);
    for (const Op op : ops) made.emplace_back(op, terms.apply(op, left, right));
    SearchInput other = input;
    for (size_t i = 0; i < 6; ++i) other.packet[i] = static_cast<uint8_t>(0x93 + 31 * i);
    const std::vector<uint64_t> numbers = terms.evaluate(other);
    const uint64_t a = number_of(numbers, left), b = number_of(numbers, right);
    EXPECT_EQ(a, 0xf0'd1'b2'93u);
    for (const auto& [op, value] : made) {
        EXPECT_EQ(number_of(numbers, value), compute(op, a, b)) << vm::op_info(op).name;
        EXPECT_EQ(number_of(numbers, value) & ~terms.possible(value), 0u) << vm::op_info(op).name;
    }
}

}  // namespace
}  // namespace weir::controlplane::cli
