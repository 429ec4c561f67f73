// What comparisons teach, against concrete comparisons: all values of 4 bits and systematic ones of
// 8, every pair of numbers in them.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/vm/verifier/abstract_values.h"
#include "tests/unit/vm/verifier/concrete.h"
#include "tests/unit/vm/verifier/member_sets.h"
#include "vm/verifier/scalar.h"

namespace weir::vm::verifier {
namespace {

template <int W>
using Set = std::bitset<(1 << W)>;

/// The right numbers that a comparison holds with, by the left number.
template <int W>
std::vector<Set<W>> partners(CmpOp op, bool half) {
    constexpr uint64_t kLow = (uint64_t{1} << W / 2) - 1;
    std::vector<Set<W>> partners(1 << W);
    for (uint64_t x = 0; x < partners.size(); ++x)
        for (uint64_t y = 0; y < partners.size(); ++y)
            partners[x][y] = half ? holds<W / 2>(op, x & kLow, y & kLow) : holds<W>(op, x, y);
    return partners;
}

struct Tightness {
    uint64_t pairs = 0, exact = 0;
};

template <int W>
void expect_all_pairs_kept(const std::vector<BasicScalar<W>>& lefts,
                           const std::vector<BasicScalar<W>>& rights, CmpOp op, bool half,
                           Tightness* tightness) {
    const MemberSets<W> sets;
    const auto least = [&](const Set<W>& set) {
        return set.none() ? set : sets.of(sets.best(set));
    };
    const auto by_left = partners<W>(op, half);
    for (const auto& right : rights) {
        const Set<W> right_set = sets.of(right);
        Set<W> matching;
        for (size_t x = 0; x < by_left.size(); ++x) matching[x] = (by_left[x] & right_set).any();
        for (const auto& left : lefts) {
            const Set<W> left_set = sets.of(left), stay = left_set & matching;
            Set<W> right_stay;
            for (size_t x = stay._Find_first(); x < stay.size(); x = stay._Find_next(x))
                right_stay |= by_left[x] & right_set;
            auto a = left, b = right;
            const bool possible = scalar_ops::refine(op, half, a, b);
            const Set<W> a_set = possible ? sets.of(a) : Set<W>(),
                         b_set = possible ? sets.of(b) : Set<W>();
            ASSERT_TRUE((stay & ~a_set).none() && (right_stay & ~b_set).none())
                << kCmpNames[static_cast<size_t>(op)] << (half ? " of halves" : "") << " of "
                << left_set << " and " << right_set;
            ASSERT_TRUE((a_set & ~left_set).none() && (b_set & ~right_set).none())
                << "a comparison taught less than was known";
            if (tightness == nullptr) continue;
            if (possible) {
                ASSERT_EQ(a, sets.best(a_set));
                ASSERT_EQ(b, sets.best(b_set));
            }
            ++tightness->pairs;
            tightness->exact += a_set == least(stay) && b_set == least(right_stay) ? 1 : 0;
        }
    }
}

/// Everything but bit tests with more than one number is learned in full.
double floor_of(CmpOp op, bool half) {
    if (op == CmpOp::NotSet) return half ? 0.77 : 0.27;
    return op == CmpOp::Set ? 0.98 : op == CmpOp::Ne ? 0.995 : 1;
}

TEST(Scalar, ComparisonsKeepAllPairsAtFourBitsAndLearnInFull) {
    const auto values = MemberSets<4>().all();
    const auto rights = right_operands(values);
    fmt::print("{} values of 4 bits, {} right operands; comparisons that learn all there is:\n",
               values.size(), rights.size());
    for (const CmpOp op : kCmpOps)
        for (const bool half : {false, true}) {
            Tightness tightness;
            expect_all_pairs_kept<4>(values, rights, op, half, &tightness);
            const double share =
                static_cast<double>(tightness.exact) / static_cast<double>(tightness.pairs);
            fmt::print("  {:<7} {:<7} {:6.2f} %\n", kCmpNames[static_cast<size_t>(op)],
                       half ? "halves" : "", 100 * share);
            EXPECT_GE(share, floor_of(op, half));
        }
}

TEST(Scalar, ComparisonsWithConstantsLearnInFullAtFourBits) {
    const auto values = MemberSets<4>().all();
    std::vector<BasicScalar<4>> constants;
    for (uint64_t number = 0; number < 16; ++number)
        constants.push_back(BasicScalar<4>::constant(number));
    for (const CmpOp op : kCmpOps)
        for (const bool half : {false, true}) {
            Tightness tightness;
            expect_all_pairs_kept<4>(values, constants, op, half, &tightness);
            const bool exact = op != CmpOp::Ne && op != CmpOp::Set;
            const double share =
                static_cast<double>(tightness.exact) / static_cast<double>(tightness.pairs);
            EXPECT_GE(share, exact || half ? 1 : 0.96) << kCmpNames[static_cast<size_t>(op)];
        }
}

TEST(Scalar, ComparisonsKeepAllPairsAtEightBits) {
    const auto lefts = systematic_values(15'013), rights = systematic_values(60'013);
    for (const CmpOp op : kCmpOps)
        for (const bool half : {false, true})
            expect_all_pairs_kept<8>(lefts, rights, op, half, nullptr);
}

}  // namespace
}  // namespace weir::vm::verifier
