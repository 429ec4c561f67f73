// Expected values: bpf_csum_diff of Linux 6.18 over the same bytes.

#include <span>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kCsumDiff = 28;
constexpr std::array<uint8_t, 16> kOld = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
constexpr std::array<uint8_t, 16> kNew = {0xff, 0xfe, 3,  4,  5,  6,  7,  0x88,
                                          9,    10,   11, 12, 13, 14, 15, 16};
constexpr std::array<uint8_t, 8> kZeroes{};

int64_t csum_diff(std::span<const uint8_t> from, std::span<const uint8_t> to, uint32_t seed) {
    Frame frame(60);
    return frame.call_plain(kCsumDiff, number_of(from.data()), from.size(), number_of(to.data()),
                            to.size(), seed);
}

TEST(CsumDiff, GivesTheKernelsFoldedSums) {
    EXPECT_EQ(csum_diff(std::span(kOld).first(8), std::span(kNew).first(8), 0), 0x7cff);
    EXPECT_EQ(csum_diff({}, kNew, 0x12345678), 0x2dec);
    EXPECT_EQ(csum_diff(kOld, {}, 0x12345678), 0x206c);
    EXPECT_EQ(csum_diff({}, {}, 0x12345678), 0x68ac);
}

TEST(CsumDiff, TakesSizesThatAreNoMultipleOfFour) {
    EXPECT_EQ(csum_diff(std::span(kOld).first(6), std::span(kNew).first(8), 0), 0x8506);
    EXPECT_EQ(csum_diff({}, std::span(kNew).first(7), 5), 0x914);
}

TEST(CsumDiff, TellsTheTwoZeroesApartAsTheKernelDoes) {
    EXPECT_EQ(csum_diff(std::span(kOld).first(8), std::span(kOld).first(8), 0), 0xffff);
    EXPECT_EQ(csum_diff({}, kZeroes, 0), 0);
    EXPECT_EQ(csum_diff(kZeroes, {}, 0), 0);
    EXPECT_EQ(csum_diff(kZeroes, kZeroes, 0), 0xffff);
    EXPECT_EQ(csum_diff(kZeroes, {}, 0xffffffff), 0xffff);
}

}  // namespace
}  // namespace weir::vm
