// Arithmetic of the number domain against concrete arithmetic: all values of 4 bits and systematic
// ones of 8, every number in them, and how close the results come to the least ones that hold.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/vm/verifier/abstract_values.h"
#include "tests/unit/vm/verifier/concrete.h"
#include "tests/unit/vm/verifier/member_sets.h"
#include "vm/verifier/scalar.h"

namespace weir::vm::verifier {
namespace {

/// What an operation makes of each left number and all numbers of a right operand.
template <int W>
std::vector<std::bitset<(1 << W)>> rows(AluOp op, bool half, const std::bitset<(1 << W)>& right) {
    constexpr uint64_t kLow = (uint64_t{1} << W / 2) - 1;
    std::vector<std::bitset<(1 << W)>> rows(1 << W);
    for (uint64_t x = 0; x < rows.size(); ++x)
        for (uint64_t y = 0; y < rows.size(); ++y)
            if (right[y])
                rows[x][half ? concrete<W / 2>(op, x & kLow, y & kLow) : concrete<W>(op, x, y)] =
                    true;
    return rows;
}

template <int W>
std::bitset<(1 << W)> image(const std::vector<std::bitset<(1 << W)>>& rows,
                            const std::bitset<(1 << W)>& left) {
    std::bitset<(1 << W)> image;
    for (size_t x = left._Find_first(); x < left.size(); x = left._Find_next(x)) image |= rows[x];
    return image;
}

/// How often results are the least that hold, and how many numbers too many they have.
struct Tightness {
    uint64_t results = 0, exact = 0, numbers = 0, numbers_least = 0;

    double exact_share() const { return static_cast<double>(exact) / static_cast<double>(results); }
    double excess() const {
        return static_cast<double>(numbers) / static_cast<double>(numbers_least);
    }
};

template <int W>
void expect_all_results(const std::vector<BasicScalar<W>>& lefts,
                        const std::vector<BasicScalar<W>>& rights, AluOp op, bool half,
                        Tightness* tightness) {
    const MemberSets<W> sets;
    std::vector<std::bitset<(1 << W)>> left_sets;
    for (const auto& left : lefts) left_sets.push_back(sets.of(left));
    for (const auto& right : rights) {
        const auto by_left = rows<W>(op, half, sets.of(right));
        for (size_t index = 0; index < lefts.size(); ++index) {
            const auto results = image<W>(by_left, left_sets[index]);
            const auto value = half ? scalar_ops::alu_half(op, lefts[index], right)
                                    : scalar_ops::alu_full(op, lefts[index], right);
            const auto held = sets.of(value);
            ASSERT_TRUE((results & ~held).none())
                << kAluNames[static_cast<size_t>(op)] << (half ? " of halves" : "") << " of "
                << left_sets[index] << " and " << sets.of(right) << " is " << results << ", not "
                << held;
            if (tightness == nullptr) continue;
            ASSERT_EQ(value, sets.best(held)) << "a result that could be written tighter";
            const auto least = sets.of(sets.best(results));
            ++tightness->results;
            tightness->exact += held == least ? 1 : 0;
            tightness->numbers += held.count();
            tightness->numbers_least += least.count();
        }
    }
}

struct Floor {
    AluOp op;
    double full, half;  // the share of exact results that must stay
};

constexpr Floor kFloors[] = {
    {AluOp::Add, 0.80, 0.99},  {AluOp::Sub, 0.80, 0.99}, {AluOp::Mul, 0.42, 0.86},
    {AluOp::Div, 0.54, 0.66},  {AluOp::Mod, 0.08, 0.76}, {AluOp::Sdiv, 0.86, 1.00},
    {AluOp::Smod, 0.64, 0.87}, {AluOp::And, 0.95, 1.00}, {AluOp::Or, 0.95, 1.00},
    {AluOp::Xor, 0.87, 1.00},  {AluOp::Lsh, 0.50, 1.00}, {AluOp::Rsh, 0.80, 1.00},
    {AluOp::Arsh, 0.94, 1.00}};

TEST(Scalar, EveryOperationHoldsAllResultsAtFourBitsAndStaysTight) {
    const auto values = MemberSets<4>().all();
    const auto rights = right_operands(values);
    fmt::print("{} values of 4 bits, {} right operands; results that are the least that hold:\n",
               values.size(), rights.size());
    for (const Floor& floor : kFloors) {
        Tightness full, half;
        expect_all_results<4>(values, rights, floor.op, false, &full);
        expect_all_results<4>(values, rights, floor.op, true, &half);
        fmt::print("  {:<5} {:6.2f} % ({:.3f} times the numbers)   halves {:6.2f} % ({:.3f})\n",
                   kAluNames[static_cast<size_t>(floor.op)], 100 * full.exact_share(),
                   full.excess(), 100 * half.exact_share(), half.excess());
        EXPECT_GE(full.exact_share(), floor.full);
        EXPECT_GE(half.exact_share(), floor.half);
    }
}

TEST(Scalar, EveryOperationHoldsAllResultsAtEightBits) {
    const auto lefts = systematic_values(15'013), rights = systematic_values(60'013);
    EXPECT_GT(lefts.size(), 300u);
    EXPECT_GT(rights.size(), 80u);
    for (const AluOp op : kAluOps) {
        expect_all_results<8>(lefts, rights, op, false, nullptr);
        expect_all_results<8>(lefts, rights, op, true, nullptr);
    }
}

/// Extensions of the low `bits` bits.
template <int W>
void expect_all_extensions(const std::vector<BasicScalar<W>>& values, int bits) {
    const MemberSets<W> sets;
    const uint64_t kept = (uint64_t{1} << bits) - 1, sign = uint64_t{1} << (bits - 1);
    for (const auto& value : values) {
        const auto members = sets.of(value);
        const auto zeros = sets.of(scalar_ops::zero_extend(value, bits));
        const auto signs = sets.of(scalar_ops::sign_extend(value, bits));
        for (uint64_t x = 0; x < members.size(); ++x) {
            if (!members[x]) continue;
            const uint64_t low = x & kept;
            ASSERT_TRUE(zeros[low]) << bits << " bits of " << members;
            ASSERT_TRUE(signs[((low ^ sign) - sign) & (members.size() - 1)])
                << bits << " bits of " << members;
        }
    }
}

TEST(Scalar, ExtensionsHoldAllResults) {
    const auto four = MemberSets<4>().all();
    const auto eight = systematic_values(5'003);
    for (int bits = 1; bits <= 4; ++bits) expect_all_extensions<4>(four, bits);
    for (int bits = 1; bits <= 8; ++bits) expect_all_extensions<8>(eight, bits);
}

}  // namespace
}  // namespace weir::vm::verifier
