// Upper bounds of two abstract values: the least one, and those for loop heads, whose chains end.

#include "vm/verifier/widen.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "tests/unit/vm/verifier/abstract_values.h"
#include "tests/unit/vm/verifier/member_sets.h"

namespace weir::vm::verifier {
namespace {

template <int W>
void expect_holds(const BasicScalar<W>& whole, const BasicScalar<W>& part) {
    for (uint64_t number = 0; number <= Range<W>::kMask; ++number)
        if (part.contains(number)) {
            ASSERT_TRUE(whole.contains(number)) << W << " bits, " << number;
        }
}

template <int W>
void expect_upper_bounds(uint64_t seed, int rounds) {
    std::mt19937_64 random(seed);
    for (int round = 0; round < rounds; ++round) {
        const auto a = random_scalar<W>(random), b = random_scalar<W>(random);
        const auto joined = BasicScalar<W>::join(a, b);
        expect_holds(joined, a);
        expect_holds(joined, b);
        const std::array hints = {random() & Range<W>::kMask, ~uint64_t{0}, random() & 7};
        for (const auto& wide : {BasicScalar<W>::widen(a, b), BasicScalar<W>::widen(a, b, hints)}) {
            expect_holds(wide, a);
            expect_holds(wide, b);
            ASSERT_TRUE(a.within(wide)) << "what was walked is not within the widened state";
        }
    }
}

TEST(Scalar, JoinAndWideningHoldEveryNumberOfEitherSide) {
    expect_upper_bounds<4>(10, 20'000);
    expect_upper_bounds<6>(11, 10'000);
    expect_upper_bounds<8>(12, 5'000);
}

TEST(Scalar, WideningAnyTwoValuesOfFourBitsHoldsBothAndStaysTight) {
    const MemberSets<4> sets;
    const auto values = sets.all(), others = right_operands(values);
    for (const auto& now : others)
        for (const auto& old : values) {
            const auto wide = BasicScalar<4>::widen(old, now);
            ASSERT_TRUE(old.within(wide) && now.within(wide));
            ASSERT_EQ(wide, sets.best(sets.of(wide)));
            ASSERT_EQ(BasicScalar<4>::widen(wide, now), wide) << "the same arrival moved it again";
        }
}

/// The longest chain of `tries` in which each step brings a value a little outside of what is held.
template <int W>
int longest_chain(uint64_t seed, int tries) {
    std::mt19937_64 random(seed);
    int longest = 0;
    for (int attempt = 0; attempt < tries; ++attempt) {
        auto held = random_scalar<W>(random);
        int steps = 0;
        for (int arrival = 0; arrival < 2000; ++arrival) {
            const uint64_t ends[] = {held.full.umin - 1,
                                     held.full.umax + 1,
                                     random(),
                                     static_cast<uint64_t>(held.full.smax) + 1,
                                     static_cast<uint64_t>(held.full.smin) - 1,
                                     held.full.umin ^ uint64_t{1} << random() % W};
            const auto next = BasicScalar<W>::widen(
                held, BasicScalar<W>::constant(ends[random() % std::size(ends)]));
            if (next == held) continue;
            EXPECT_TRUE(held.within(next));
            ++steps;
            held = next;
        }
        longest = std::max(longest, steps);
    }
    return longest;
}

TEST(Scalar, ChainsOfWideningEnd) {
    EXPECT_LE(longest_chain<4>(13, 400), kWidenSteps);
    EXPECT_LE(longest_chain<6>(14, 400), kWidenSteps);
    EXPECT_LE(longest_chain<8>(15, 400), kWidenSteps);
    EXPECT_LE(longest_chain<64>(16, 400), kWidenSteps);
}

TEST(Scalar, WideningKeepsWhatALoopDoesNotChange) {
    // an offset that grows by 4 from 14: its distance to a multiple of 4 survives
    const auto offset = Scalar::widen(Scalar::constant(14), Scalar::constant(18));
    EXPECT_EQ(offset.full.bits.value & 3, 2u);
    EXPECT_EQ(offset.full.bits.mask & 3, 0u);
    EXPECT_EQ(offset.full.umin, 14u);
    // a counter below a constant of the program: one step reaches it
    const std::array<uint64_t, 1> hints = {100};
    const auto counter = Scalar::widen(Scalar::constant(0), Scalar::constant(1), hints);
    EXPECT_EQ(counter.full.umin, 0u);
    EXPECT_EQ(counter.full.umax, 100u);
    EXPECT_EQ(Scalar::widen(counter, Scalar::constant(100), hints), counter);
    // one that counts down
    const auto down = Scalar::widen(Scalar::constant(64), Scalar::constant(63));
    EXPECT_EQ(down.full.umax, 64u);
    EXPECT_GE(down.full.smin, 0);
}

}  // namespace
}  // namespace weir::vm::verifier
