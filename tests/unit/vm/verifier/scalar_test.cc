// Numbers: how their views tell each other what they know, order and joins, constants against the
// interpreter, and samples at 64 bits. transfer_test.cc and refine_test.cc hold the exhaustive
// tests of arithmetic and comparisons.

#include "vm/verifier/scalar.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>

#include "tests/unit/vm/verifier/abstract_values.h"
#include "tests/unit/vm/verifier/concrete.h"
#include "tests/unit/vm/verifier/member_sets.h"
#include "vm/interp/arithmetic.h"

namespace weir::vm::verifier {
namespace {

/// Any fields at all, which need not agree.
template <int W>
BasicScalar<W> raw_scalar(std::mt19937_64& random) {
    const auto interval = [&](int bits) {
        const uint64_t all = (uint64_t{1} << bits) - 1;
        const uint64_t x = random() & all, y = random() & all;
        if (random() % 3 == 0) return std::pair<uint64_t, uint64_t>{0, all};
        return std::pair{std::min(x, y), std::max(x, y)};
    };
    BasicScalar<W> scalar;
    if (random() % 4 != 0) {
        const uint64_t mask = random() & random() & Range<W>::kMask;
        scalar.full.bits = {random() & Range<W>::kMask & ~mask, mask};
        if (random() % 2 == 0)
            scalar.full.bits = {scalar.full.bits.value & 3, ~uint64_t{3} & Range<W>::kMask};
    }
    std::tie(scalar.full.umin, scalar.full.umax) = interval(W);
    const auto [smin, smax] = interval(W);
    scalar.full.smin = static_cast<int64_t>(smin) + Range<W>::kMin;
    scalar.full.smax = static_cast<int64_t>(smax) + Range<W>::kMin;
    const auto [half_umin, half_umax] = interval(W / 2);
    scalar.half_umin = static_cast<uint32_t>(half_umin);
    scalar.half_umax = static_cast<uint32_t>(half_umax);
    const auto [half_smin, half_smax] = interval(W / 2);
    scalar.half_smin = static_cast<int32_t>(static_cast<int64_t>(half_smin) + Range<W / 2>::kMin);
    scalar.half_smax = static_cast<int32_t>(static_cast<int64_t>(half_smax) + Range<W / 2>::kMin);
    return scalar;
}

template <int W>
void expect_least_views(uint64_t seed, int rounds) {
    const MemberSets<W> sets;
    std::mt19937_64 random(seed);
    for (int round = 0; round < rounds; ++round) {
        const auto raw = raw_scalar<W>(random);
        const auto held = sets.of(raw);
        auto tight = raw;
        ASSERT_EQ(tight.synchronise(), held.any());
        if (held.any()) {
            ASSERT_EQ(tight, sets.best(held)) << held;
        }
    }
}

TEST(Scalar, EveryViewIsAsSmallAsAllTogetherAllow) {
    expect_least_views<4>(21, 1'000'000);
    expect_least_views<6>(22, 100'000);
    expect_least_views<8>(23, 100'000);
}

TEST(Scalar, IsWithinAnotherExactlyWhenItsNumbersAre) {
    const MemberSets<4> sets;
    const auto values = sets.all();
    std::vector<std::bitset<16>> held;
    for (const auto& value : values) held.push_back(sets.of(value));
    for (size_t a = 0; a < values.size(); ++a)
        for (size_t b = a % 7; b < values.size(); b += 7)
            ASSERT_EQ(values[a].within(values[b]), (held[a] & ~held[b]).none());
}

TEST(Scalar, JoinIsTheLeastValueThatHoldsBoth) {
    const MemberSets<4> sets;
    const auto values = sets.all();
    for (size_t a = 0; a < values.size(); a += 5)
        for (size_t b = 0; b < values.size(); b += 11)
            ASSERT_EQ(BasicScalar<4>::join(values[a], values[b]),
                      sets.best(sets.of(values[a]) | sets.of(values[b])));
}

/// The interpreter's result.
template <Op... ops>
struct Interpreter {
    template <typename W>
    static uint64_t compute(AluOp op, W a, W b) {
        uint64_t result = 0;
        size_t index = 0;
        ((index++ == static_cast<size_t>(op) ? void(result = arithmetic<ops, W>(a, b)) : void()),
         ...);
        return result;
    }
    template <typename W>
    static bool compare(CmpOp op, W a, W b) {
        bool result = false;
        size_t index = 0;
        ((index++ == static_cast<size_t>(op) ? void(result = weir::vm::holds<ops, W>(a, b))
                                             : void()),
         ...);
        return result;
    }
};

// in the order of AluOp and CmpOp
using Alu64 = Interpreter<Op::kAdd64Reg, Op::kSub64Reg, Op::kMul64Reg, Op::kDiv64Reg, Op::kMod64Reg,
                          Op::kSdiv64Reg, Op::kSmod64Reg, Op::kAnd64Reg, Op::kOr64Reg,
                          Op::kXor64Reg, Op::kLsh64Reg, Op::kRsh64Reg, Op::kArsh64Reg>;
using Jump64 = Interpreter<Op::kJeq64Reg, Op::kJne64Reg, Op::kJgt64Reg, Op::kJge64Reg,
                           Op::kJlt64Reg, Op::kJle64Reg, Op::kJsgt64Reg, Op::kJsge64Reg,
                           Op::kJslt64Reg, Op::kJsle64Reg, Op::kJset64Reg>;

TEST(Scalar, ConstantsComputeAndCompareAsTheInterpreterDoes) {
    constexpr uint64_t kTelling[] = {0,
                                     1,
                                     2,
                                     31,
                                     32,
                                     63,
                                     64,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     0x100000000,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     ~0ULL};
    std::mt19937_64 random(5);
    const auto pick = [&] {
        return random() % 2 == 0 ? kTelling[random() % std::size(kTelling)]
                                 : random() >> random() % 64;
    };
    for (int round = 0; round < 200'000; ++round) {
        const uint64_t x = pick(), y = pick();
        const auto low_x = static_cast<uint32_t>(x), low_y = static_cast<uint32_t>(y);
        const auto a = Scalar::constant(x), b = Scalar::constant(y);
        const AluOp op = kAluOps[random() % kAluOps.size()];
        const uint64_t whole = Alu64::compute(op, x, y), half = Alu64::compute(op, low_x, low_y);
        ASSERT_EQ(scalar_ops::alu_full(op, a, b), Scalar::constant(whole)) << int(op);
        ASSERT_EQ(scalar_ops::alu_half(op, a, b), Scalar::constant(half)) << int(op);
        ASSERT_EQ(concrete<64>(op, x, y), whole) << int(op);
        ASSERT_EQ(concrete<32>(op, low_x, low_y), half) << int(op);
        const CmpOp cmp = kCmpOps[random() % kCmpOps.size()];
        const bool turned = cmp == CmpOp::NotSet;
        const bool taken = Jump64::compare(turned ? CmpOp::Set : cmp, x, y) != turned,
                   half_taken = Jump64::compare(turned ? CmpOp::Set : cmp, low_x, low_y) != turned;
        for (const bool halves : {false, true}) {
            auto refined_a = a, refined_b = b;
            ASSERT_EQ(scalar_ops::refine(cmp, halves, refined_a, refined_b),
                      halves ? half_taken : taken)
                << int(cmp);
        }
        ASSERT_EQ(holds<64>(cmp, x, y), taken);
        ASSERT_EQ(holds<32>(cmp, low_x, low_y), half_taken);
    }
}

TEST(Scalar, SixtyFourBitOperationsHoldConcreteResultsOnSamples) {
    std::mt19937_64 random(3);
    const auto member =
        [&](const Scalar& scalar) {  // an interval end, or the known bits with random others
            const uint64_t candidates[] = {
                scalar.full.umin,
                scalar.full.umax,
                static_cast<uint64_t>(scalar.full.smin),
                static_cast<uint64_t>(scalar.full.smax),
                scalar.full.umin + random() % 64,
                scalar.full.bits.value | (random() & scalar.full.bits.mask)};
            for (int tries = 0; tries < 16; ++tries) {
                const uint64_t number = candidates[random() % std::size(candidates)];
                if (scalar.contains(number)) return number;
            }
            return scalar.full.umin;
        };
    for (int round = 0; round < 200'000; ++round) {
        const auto a = random_scalar<64>(random), b = random_scalar<64>(random);
        const uint64_t x = member(a), y = member(b);
        if (!a.contains(x) || !b.contains(y)) continue;
        const AluOp op = kAluOps[random() % kAluOps.size()];
        ASSERT_TRUE(scalar_ops::alu_full(op, a, b).contains(concrete<64>(op, x, y)))
            << int(op) << " " << x << " " << y;
        ASSERT_TRUE(scalar_ops::alu_half(op, a, b).contains(
            concrete<32>(op, x & 0xffffffff, y & 0xffffffff)))
            << int(op) << " " << x << " " << y;
        const CmpOp cmp = kCmpOps[random() % kCmpOps.size()];
        const bool halves = random() % 2 == 0;
        if (!(halves ? holds<32>(cmp, x & 0xffffffff, y & 0xffffffff) : holds<64>(cmp, x, y)))
            continue;
        auto ra = a, rb = b;
        ASSERT_TRUE(scalar_ops::refine(cmp, halves, ra, rb)) << int(cmp) << " " << x << " " << y;
        ASSERT_TRUE(ra.contains(x) && rb.contains(y)) << int(cmp) << " " << x << " " << y;
    }
}

TEST(Scalar, ExtensionsAndSwapsHoldConcreteResults) {
    std::mt19937_64 random(4);
    for (int round = 0; round < 100'000; ++round) {
        const auto a = random_scalar<64>(random);
        const uint64_t x = a.full.umin;
        if (!a.contains(x)) continue;
        ASSERT_TRUE(
            scalar_ops::sign_extend(a, 8).contains(static_cast<uint64_t>(static_cast<int8_t>(x))));
        ASSERT_TRUE(scalar_ops::sign_extend(a, 16).contains(
            static_cast<uint64_t>(static_cast<int16_t>(x))));
        ASSERT_TRUE(scalar_ops::sign_extend(a, 32).contains(
            static_cast<uint64_t>(static_cast<int32_t>(x))));
        ASSERT_TRUE(scalar_ops::zero_extend(a, 16).contains(x & 0xffff));
        ASSERT_TRUE(scalar_ops::zero_extend(a, 32).contains(x & 0xffffffff));
        ASSERT_TRUE(
            scalar_ops::byte_swap(a, 16).contains(__builtin_bswap16(static_cast<uint16_t>(x))));
        ASSERT_TRUE(
            scalar_ops::byte_swap(a, 32).contains(__builtin_bswap32(static_cast<uint32_t>(x))));
        ASSERT_TRUE(scalar_ops::byte_swap(a, 64).contains(__builtin_bswap64(x)));
    }
}

TEST(Scalar, ByteSwapsHoldAllResultsOfSixteenBits) {
    std::mt19937_64 random(6);
    uint64_t swaps = 0;
    for (int round = 0; round < 100; ++round) {
        const uint64_t mask = random() & 0xffff, x = random() & 0xffff, y = random() & 0xffff;
        Range<64> range;
        range.limit_unsigned(std::min(x, y), std::max(x, y));
        if (round % 2 == 0) range.bits = {random() & 0xffff & ~mask, mask};
        if (!range.tighten()) continue;
        const auto value = Scalar::from_full(range), swapped = scalar_ops::byte_swap(value, 16);
        for (uint64_t number = range.umin; number <= range.umax; ++number) {
            if (!value.contains(number)) continue;
            ASSERT_TRUE(swapped.contains(__builtin_bswap16(static_cast<uint16_t>(number))));
            ++swaps;
        }
    }
    EXPECT_GT(swaps, 500'000u);
}

TEST(Scalar, LearnsWhatHeaderParsingNeeds) {
    // (byte & 15) << 2 after >= 20: the IPv4 header length
    const auto ihl = scalar_ops::alu_full(AluOp::And, Scalar::below_bits(8), Scalar::constant(15));
    auto length = scalar_ops::alu_half(AluOp::Lsh, ihl, Scalar::constant(2));
    EXPECT_EQ(length.full.umax, 60u);
    auto twenty = Scalar::constant(20);
    ASSERT_TRUE(scalar_ops::refine(CmpOp::Ge, false, length, twenty));
    EXPECT_EQ(length.full.umin, 20u);
    EXPECT_EQ(length.full.smax, 60);
    EXPECT_EQ(length.half_umax, 60u);
    // a 32-bit check of a zero-extended number bounds all of it
    auto index = Scalar::below_bits(32);
    auto limit = Scalar::constant(256);
    ASSERT_TRUE(scalar_ops::refine(CmpOp::Lt, true, index, limit));
    EXPECT_EQ(index.full.umax, 255u);
    // … but not of a number with an unknown upper half
    Scalar unknown;
    ASSERT_TRUE(scalar_ops::refine(CmpOp::Lt, true, unknown, limit));
    EXPECT_EQ(unknown.full.umax, ~uint64_t{0} - 0xffffff00u);
    EXPECT_EQ(unknown.half_umax, 255u);
}

TEST(Tnum, MultipliesExactlyWhatIsKnown) {
    EXPECT_EQ(tnum_mul(Tnum::constant(7), Tnum::constant(6)), Tnum::constant(42));
    EXPECT_EQ(tnum_mul({0, 3}, Tnum::constant(4)).value & 3, 0u);
    EXPECT_EQ(tnum_mul({0, 3}, Tnum::constant(4)).mask & 3, 0u);
}

TEST(Tnum, FindsTheNearestNumberOnEitherSide) {
    for (uint64_t mask = 0; mask < 32; ++mask)
        for (uint64_t value = 0; value < 32; ++value) {
            if ((value & mask) != 0) continue;
            const Tnum tnum{value, mask};
            for (uint64_t number = 0; number < 32; ++number) {
                uint64_t above = number, below = number;
                while (above < 32 && !tnum.contains(above)) ++above;
                while (below < 32 && !tnum.contains(below)) --below;
                uint64_t raised = number, lowered = number;
                ASSERT_EQ(tnum.raise(raised), above < 32);
                ASSERT_EQ(tnum.lower(lowered), below < 32);
                if (above < 32) {
                    ASSERT_EQ(raised, above);
                }
                if (below < 32) {
                    ASSERT_EQ(lowered, below);
                }
            }
        }
}

}  // namespace
}  // namespace weir::vm::verifier
