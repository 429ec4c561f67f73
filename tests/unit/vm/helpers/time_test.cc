#include <ctime>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t clock_now(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * kSecond + now.tv_nsec;
}

struct ClockHelper {
    int64_t id;
    clockid_t clock;
};

class Ktime : public testing::TestWithParam<ClockHelper> {};

TEST_P(Ktime, ReadsItsClock) {
    Frame frame(60);
    const int64_t before = clock_now(GetParam().clock);
    const int64_t now = frame.call_plain(GetParam().id);
    const int64_t after = clock_now(GetParam().clock);
    EXPECT_LE(before, now);
    EXPECT_LE(now, after);
}

INSTANTIATE_TEST_SUITE_P(Clocks, Ktime,
                         testing::Values(ClockHelper{5, CLOCK_MONOTONIC},
                                         ClockHelper{125, CLOCK_BOOTTIME},
                                         ClockHelper{160, CLOCK_MONOTONIC_COARSE},
                                         ClockHelper{208, CLOCK_TAI}));

TEST(Jiffies, StartFiveMinutesBeforeTheOverflowAndCountTicks) {
    Frame frame(60);
    timespec tick;
    ASSERT_EQ(clock_getres(CLOCK_MONOTONIC_COARSE, &tick), 0);
    const int64_t ticks_per_second = kSecond / tick.tv_nsec;
    const int64_t expected =
        (int64_t{1} << 32) + clock_now(CLOCK_MONOTONIC) / tick.tv_nsec - 300 * ticks_per_second;
    EXPECT_NEAR(static_cast<double>(frame.call_plain(118)), static_cast<double>(expected),
                static_cast<double>(ticks_per_second));
}

}  // namespace
}  // namespace weir::vm
