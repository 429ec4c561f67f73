// Results: bpf_loop and bpf_iter_num_* of Linux 6.18.

#include <cerrno>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kLoop = 181, kNew = 7, kNext = 8, kDestroy = 9;
constexpr uint64_t kLoopsMax = 8u << 20;

/// An engine whose only callback counts and says stop at an index.
struct Counter {
    uint64_t calls = 0;
    uint64_t stop_at = UINT64_MAX;
    uint64_t fault_at = UINT64_MAX;
};

uint64_t count(RunEnv& env, uint64_t function, const std::array<uint64_t, 5>& arguments) {
    auto& counter = *static_cast<Counter*>(env.engine);
    EXPECT_EQ(function, 0xf00du);
    EXPECT_EQ(arguments[0], counter.calls);
    EXPECT_EQ(arguments[1], 0xc0ffeeu);
    env.callback_failed = counter.calls == counter.fault_at;
    return ++counter.calls > counter.stop_at ? 1 : 0;
}

struct Loop {
    int64_t result;
    uint64_t calls;
};

Loop run(uint64_t loops, Counter counter = {}, uint64_t flags = 0) {
    Frame frame(60);
    frame.env.call = count;
    frame.env.engine = &counter;
    const int64_t result = frame.call_plain(kLoop, loops, 0xf00d, 0xc0ffee, flags);
    return {result, counter.calls};
}

TEST(Loop, CallsUntilItsCallbackSaysStop) {
    EXPECT_EQ(run(10, {.stop_at = 4}).result, 5);
    EXPECT_EQ(run(10, {.stop_at = 4}).calls, 5u);
    EXPECT_EQ(run(1000).result, 1000);
    EXPECT_EQ(run(0).result, 0);
    EXPECT_EQ(run(uint64_t{7} << 32 | 3).calls, 3u);
}

TEST(Loop, RefusesTooManyAndFlags) {
    EXPECT_EQ(run(10, {}, 1).result, -EINVAL);
    EXPECT_EQ(run(kLoopsMax + 1).result, 4294967289);
    EXPECT_EQ(run(kLoopsMax + 1).calls, 0u);
}

TEST(Loop, EndsWhenItsCallbackFaults) {
    EXPECT_EQ(run(10, {.fault_at = 2}).calls, 3u);
}

class Numbers : public ::testing::Test {
protected:
    int64_t start(int32_t from, int32_t to) {
        return frame_.call_kfunc_plain(kNew, at_, offset_of(from), offset_of(to));
    }
    /// The next number, or nullptr.
    const int32_t* next() {
        return reinterpret_cast<const int32_t*>(frame_.call_kfunc_plain(kNext, at_));
    }

    Frame frame_{60};
    std::array<int32_t, 2> iterator_{};
    uint64_t at_ = number_of(iterator_.data());
};

TEST_F(Numbers, CountFromStartToEnd) {
    ASSERT_EQ(start(-1, 2), 0);
    for (const int32_t expected : {-1, 0, 1}) {
        const int32_t* const number = next();
        ASSERT_NE(number, nullptr);
        EXPECT_EQ(*number, expected);
    }
    EXPECT_EQ(next(), nullptr);
    EXPECT_EQ(next(), nullptr);
}

TEST_F(Numbers, StayWithinTheirBounds) {
    EXPECT_EQ(start(5, 4), -EINVAL);
    EXPECT_EQ(next(), nullptr);
    EXPECT_EQ(start(0, kLoopsMax + 1), -E2BIG);
    EXPECT_EQ(next(), nullptr);
    EXPECT_EQ(start(0, kLoopsMax), 0);
    EXPECT_EQ(*next(), 0);
    EXPECT_EQ(start(INT32_MIN, INT32_MAX), -E2BIG);
    ASSERT_EQ(start(INT32_MIN, INT32_MIN + 1), 0);
    EXPECT_EQ(*next(), INT32_MIN);
    EXPECT_EQ(next(), nullptr);
    ASSERT_EQ(start(INT32_MAX, INT32_MAX), 0);
    EXPECT_EQ(next(), nullptr);
}

TEST_F(Numbers, AreGoneWhenDestroyed) {
    ASSERT_EQ(start(1, 9), 0);
    frame_.call_kfunc_plain(kDestroy, at_);
    EXPECT_EQ(next(), nullptr);
}

}  // namespace
}  // namespace weir::vm
