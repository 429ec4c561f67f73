#include "dataplane/swap_histogram.h"

#include <gtest/gtest.h>

namespace weir::dataplane {
namespace {

TEST(SwapHistogram, SaysNothingOfNothing) {
    const api::SwapTimes times = SwapHistogram().times();
    EXPECT_EQ(times.count, 0u);
    EXPECT_EQ(times.p99_ns, 0u);
}

TEST(SwapHistogram, KnowsPercentilesWithinAnEighthAndTheGreatestExactly) {
    SwapHistogram histogram;
    for (uint64_t value = 1; value <= 10'000; ++value) histogram.add(value);
    const api::SwapTimes times = histogram.times();
    EXPECT_EQ(times.count, 10'000u);
    EXPECT_GE(times.p50_ns, 5'000u);
    EXPECT_LE(times.p50_ns, 5'000u + 5'000u / 8);
    EXPECT_GE(times.p99_ns, 9'900u);
    EXPECT_LE(times.p99_ns, 10'000u);
    EXPECT_EQ(times.max_ns, 10'000u);
}

TEST(SwapHistogram, HasRoomForEveryNumber) {
    SwapHistogram histogram;
    for (uint32_t shift = 0; shift < 64; ++shift) histogram.add(uint64_t{1} << shift);
    histogram.add(UINT64_MAX);
    EXPECT_EQ(histogram.times().max_ns, UINT64_MAX);
    EXPECT_EQ(histogram.times().count, 65u);
}

}  // namespace
}  // namespace weir::dataplane
