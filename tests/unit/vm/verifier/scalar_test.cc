// The number domain against concrete arithmetic: every member of many abstract values at 8 bits,
// samples at 64.

#include "vm/verifier/scalar.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "tests/unit/vm/verifier/abstract_values.h"

namespace weir::vm::verifier {
namespace {

constexpr std::array kAluOps = {AluOp::Add,  AluOp::Sub,  AluOp::Mul, AluOp::Div, AluOp::Mod,
                                AluOp::Sdiv, AluOp::Smod, AluOp::And, AluOp::Or,  AluOp::Xor,
                                AluOp::Lsh,  AluOp::Rsh,  AluOp::Arsh};
constexpr std::array kCmpOps = {CmpOp::Eq,  CmpOp::Ne,  CmpOp::Gt,  CmpOp::Ge,
                                CmpOp::Lt,  CmpOp::Le,  CmpOp::Sgt, CmpOp::Sge,
                                CmpOp::Slt, CmpOp::Sle, CmpOp::Set, CmpOp::NotSet};

/// RFC 9669 semantics over W bits, written without the domain.
template <int W>
uint64_t concrete(AluOp op, uint64_t a, uint64_t b) {
    const auto sa = static_cast<Wide>(Range<W>::sign_extend(a)),
               sb = static_cast<Wide>(Range<W>::sign_extend(b));
    const auto shift = static_cast<int>(b & (W - 1));
    Wide r = 0;
    switch (op) {
        case AluOp::Add: r = Wide{a} + b; break;
        case AluOp::Sub: r = Wide{a} - b; break;
        case AluOp::Mul: r = static_cast<Wide>(a * b); break;
        case AluOp::Div: r = b == 0 ? 0 : a / b; break;
        case AluOp::Mod: r = b == 0 ? a : a % b; break;
        case AluOp::Sdiv: r = b == 0 ? 0 : sa / sb; break;
        case AluOp::Smod: r = b == 0 ? sa : sa % sb; break;
        case AluOp::And: r = a & b; break;
        case AluOp::Or: r = a | b; break;
        case AluOp::Xor: r = a ^ b; break;
        case AluOp::Lsh: r = static_cast<Wide>(a << shift); break;
        case AluOp::Rsh: r = a >> shift; break;
        case AluOp::Arsh: r = sa >> shift; break;
    }
    return static_cast<uint64_t>(r) & Range<W>::kMask;
}

template <int W>
bool holds(CmpOp op, uint64_t a, uint64_t b) {
    const int64_t sa = Range<W>::sign_extend(a), sb = Range<W>::sign_extend(b);
    switch (op) {
        case CmpOp::Eq: return a == b;
        case CmpOp::Ne: return a != b;
        case CmpOp::Gt: return a > b;
        case CmpOp::Ge: return a >= b;
        case CmpOp::Lt: return a < b;
        case CmpOp::Le: return a <= b;
        case CmpOp::Sgt: return sa > sb;
        case CmpOp::Sge: return sa >= sb;
        case CmpOp::Slt: return sa < sb;
        case CmpOp::Sle: return sa <= sb;
        case CmpOp::Set: return (a & b) != 0;
        case CmpOp::NotSet: return (a & b) == 0;
    }
    return false;
}

TEST(Range, EveryOperationHoldsAllConcreteResultsAtFourBits) {
    // All intervals of 4 bits, unsigned and signed, against all others.
    std::vector<Range<4>> values;
    for (int low = 0; low < 16; ++low)
        for (int high = low; high < 16; ++high) {
            Range<4> a, b;
            a.limit_unsigned(static_cast<uint64_t>(low), static_cast<uint64_t>(high));
            b.limit_signed(low - 8, high - 8);
            ASSERT_TRUE(a.tighten() && b.tighten());
            values.push_back(a);
            values.push_back(b);
        }
    for (const AluOp op : kAluOps)
        for (const Range<4>& a : values)
            for (const Range<4>& b : values) {
                const Range<4> r = range_ops::apply(op, a, b);
                for (uint64_t x = 0; x < 16; ++x)
                    for (uint64_t y = 0; y < 16 && a.contains(x); ++y)
                        if (b.contains(y) && !r.contains(concrete<4>(op, x, y)))
                            FAIL() << "op " << int(op) << " of " << x << " and " << y;
            }
}

TEST(Scalar, EveryOperationHoldsAllConcreteResultsAtEightBits) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 400; ++round) {
        const auto a = random_scalar<8>(random), b = random_scalar<8>(random);
        const auto as = members(a), bs = members(b);
        for (const AluOp op : kAluOps) {
            const auto full = scalar_ops::alu_full(op, a, b), half = scalar_ops::alu_half(op, a, b);
            for (const uint64_t x : as)
                for (const uint64_t y : bs) {
                    ASSERT_TRUE(full.contains(concrete<8>(op, x, y)))
                        << "op " << int(op) << " " << x << " " << y;
                    ASSERT_TRUE(half.contains(concrete<4>(op, x & 15, y & 15)))
                        << "half op " << int(op) << " " << x << " " << y;
                }
        }
    }
}

TEST(Scalar, RefinementKeepsEveryPairThatSatisfiesTheComparison) {
    std::mt19937_64 random(2);
    for (int round = 0; round < 400; ++round) {
        const auto a = random_scalar<8>(random), b = random_scalar<8>(random);
        const auto as = members(a), bs = members(b);
        for (const CmpOp op : kCmpOps)
            for (const bool halves : {false, true}) {
                auto ra = a, rb = b;
                const bool possible = scalar_ops::refine(op, halves, ra, rb);
                for (const uint64_t x : as)
                    for (const uint64_t y : bs) {
                        if (!(halves ? holds<4>(op, x & 15, y & 15) : holds<8>(op, x, y))) continue;
                        ASSERT_TRUE(possible && ra.contains(x) && rb.contains(y))
                            << "op " << int(op) << " " << x << " " << y;
                    }
            }
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
