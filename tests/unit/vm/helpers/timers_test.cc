// Results: bpf_timer_* of Linux 6.18, called in the same order.

#include "vm/helpers/timers.h"

#include <cerrno>
#include <functional>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

constexpr uint64_t kMs = 1'000'000, kSecond = 1'000 * kMs;

uint64_t now_ns = 100 * kSecond;
uint64_t test_clock(clockid_t clock) {
    return clock == CLOCK_REALTIME ? now_ns + 1'000 * kSecond : now_ns;
}

/// Values of 32 bytes, the timer 8 bytes into each; keys are indices.
class TimerMap : public Map {
public:
    static constexpr uint32_t kEntries = 300;

    TimerMap()
        : Map({.key_bytes = 4, .value_bytes = 32, .entries_max = kEntries, .timer_offset = 8}) {}

    uint8_t* lookup(const uint8_t*, uint32_t) override { return nullptr; }
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override { return -EINVAL; }
    int erase(const uint8_t*) override { return -EINVAL; }
    uint32_t control_value_bytes() const override { return 32; }
    int control_lookup(const uint8_t*, std::span<uint8_t>) override { return -EINVAL; }
    int control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) override {
        return -EINVAL;
    }
    int control_erase(const uint8_t*) override { return -EINVAL; }
    int next_key(const uint8_t*, uint8_t*) override { return -ENOENT; }
    uint32_t entries() const override { return kEntries; }
    uint64_t memory_bytes() const override { return sizeof values; }
    uint64_t full_count() const override { return 0; }
    bool key_of(const uint8_t* value, uint8_t* key) const override {
        const auto index = static_cast<uint32_t>((value - values.data()->data()) / 32);
        std::memcpy(key, &index, sizeof index);
        return true;
    }

    uint64_t timer(uint32_t index) { return number_of(values[index].data() + 8); }
    void empty(uint32_t index) { values[index].fill(0); }

    alignas(8) std::array<std::array<uint8_t, 32>, kEntries> values{};
};

/// Remembers which keys it was called for, and may do something in between.
class Callback : public Runnable {
public:
    uint64_t call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                  RunEnv& env) const override {
        uint32_t key;
        std::memcpy(&key, reinterpret_cast<const void*>(arguments[1]), sizeof key);
        keys.push_back(key);
        last = arguments;
        last_function = function;
        if (during) during(env);
        return 0;
    }

    mutable std::vector<uint32_t> keys;
    mutable std::array<uint64_t, 5> last{};
    mutable uint64_t last_function = 0;
    std::function<void(RunEnv&)> during;
};

class TimersTest : public ::testing::Test {
protected:
    int arm(uint32_t index, uint64_t nanoseconds, uint64_t flags = 0) {
        const uint64_t timer = map_.timer(index);
        if (const int error = timers_.init(timer, map_, CLOCK_MONOTONIC)) return error;
        timers_.set_callback(timer, &program_, 17);
        return timers_.start(timer, nanoseconds, flags);
    }

    Timers timers_{8, test_clock};
    TimerMap map_;
    Callback program_;
    RunEnv env_;
};

TEST_F(TimersTest, AnswerLikeTheKernelInEveryState) {
    const uint64_t timer = map_.timer(1);
    EXPECT_EQ(timers_.cancel(timer, env_), -EINVAL);
    EXPECT_EQ(timers_.start(timer, 0, 0), -EINVAL);
    EXPECT_EQ(timers_.set_callback(timer, &program_, 17), -EINVAL);
    EXPECT_EQ(timers_.init(timer, map_, 16), -EINVAL);
    EXPECT_EQ(timers_.init(timer, map_, 2), -EINVAL);
    EXPECT_EQ(timers_.init(timer, map_, CLOCK_MONOTONIC), 0);
    EXPECT_EQ(timers_.init(timer, map_, CLOCK_MONOTONIC), -EBUSY);
    EXPECT_EQ(timers_.init(timer, map_, 99), -EINVAL);
    EXPECT_EQ(timers_.start(timer, 0, 0), -EINVAL);
    EXPECT_EQ(timers_.set_callback(timer, &program_, 17), 0);
    EXPECT_EQ(timers_.start(timer, 0, 4), -EINVAL);
    EXPECT_EQ(timers_.start(timer, kSecond, 0), 0);
    EXPECT_EQ(timers_.start(timer, kSecond, 0), 0);
    EXPECT_EQ(timers_.cancel(timer, env_), 1);
    EXPECT_EQ(timers_.cancel(timer, env_), 0);
    EXPECT_EQ(timers_.start(timer, 0, 0), -EINVAL);
}

TEST_F(TimersTest, CallBackWhenDueWithMapKeyAndValue) {
    ASSERT_EQ(arm(3, kMs), 0);
    EXPECT_EQ(timers_.next_deadline_ns(), now_ns + kMs);
    EXPECT_EQ(timers_.run_due(now_ns + kMs - 1, env_), 0u);
    EXPECT_EQ(timers_.run_due(now_ns + kMs, env_), 1u);
    EXPECT_EQ(program_.keys, std::vector<uint32_t>{3});
    EXPECT_EQ(program_.last_function, 17u);
    EXPECT_EQ(program_.last[0], number_of(&map_));
    EXPECT_EQ(program_.last[2], number_of(map_.values[3].data()));
    EXPECT_EQ(timers_.next_deadline_ns(), kNoDeadline);
    EXPECT_EQ(timers_.start(map_.timer(3), kMs, 0), 0) << "the callback stays";
}

TEST_F(TimersTest, FireInOrderOfTheirDeadlines) {
    const std::array<uint64_t, 8> waits = {5, 3, 8, 1, 7, 2, 6, 4};
    for (uint32_t i = 0; i < waits.size(); ++i) ASSERT_EQ(arm(i, waits[i] * kMs), 0);
    ASSERT_EQ(timers_.start(map_.timer(3), 9 * kMs, 0), 0);
    ASSERT_EQ(timers_.cancel(map_.timer(6), env_), 1);
    EXPECT_EQ(timers_.run_due(now_ns + kSecond, env_), 7u);
    EXPECT_EQ(program_.keys, (std::vector<uint32_t>{5, 1, 7, 0, 4, 2, 3}));
}

TEST_F(TimersTest, MeasureAbsoluteTimesByTheirOwnClock) {
    const uint64_t timer = map_.timer(0);
    ASSERT_EQ(timers_.init(timer, map_, CLOCK_REALTIME), 0);
    timers_.set_callback(timer, &program_, 17);
    ASSERT_EQ(timers_.start(timer, now_ns + 1'002 * kSecond, kTimerAbsolute), 0);
    EXPECT_EQ(timers_.next_deadline_ns(), now_ns + 2 * kSecond);
    ASSERT_EQ(timers_.start(timer, 5, kTimerAbsolute | kTimerCpuPin), 0);
    EXPECT_EQ(timers_.next_deadline_ns(), now_ns);
    ASSERT_EQ(timers_.start(timer, UINT64_MAX, 0), 0);
    EXPECT_EQ(timers_.next_deadline_ns(), uint64_t{INT64_MAX});
    EXPECT_EQ(timers_.cancel(timer, env_), 1);
}

TEST_F(TimersTest, MayBeRestartedButNotCancelledByTheirOwnCallback) {
    ASSERT_EQ(arm(0, kMs), 0);
    int cancelled = 0, restarted = -1;
    program_.during = [&](RunEnv& env) {
        cancelled = timers_.cancel(map_.timer(0), env);
        restarted = timers_.start(map_.timer(0), kSecond, 0);
    };
    EXPECT_EQ(timers_.run_due(now_ns + kMs, env_), 1u);
    EXPECT_EQ(cancelled, -EDEADLK);
    EXPECT_EQ(restarted, 0);
    EXPECT_EQ(timers_.next_deadline_ns(), now_ns + kSecond);
    EXPECT_EQ(timers_.cancel(map_.timer(0), env_), 1);
}

TEST_F(TimersTest, EndWithTheirElement) {
    ASSERT_EQ(arm(0, kMs), 0);
    map_.empty(0);
    EXPECT_EQ(timers_.cancel(map_.timer(0), env_), -EINVAL);
    EXPECT_EQ(timers_.run_due(now_ns + kMs, env_), 0u);
    EXPECT_TRUE(program_.keys.empty());
    EXPECT_EQ(timers_.in_use(), 0u);
    ASSERT_EQ(arm(0, kMs), 0);
    program_.during = [&](RunEnv&) { map_.empty(0); };
    EXPECT_EQ(timers_.run_due(now_ns + kMs, env_), 1u);
}

TEST_F(TimersTest, DoNotTakeAnOldTicketForANewTimer) {
    ASSERT_EQ(arm(0, kMs), 0);
    const auto old_value = map_.values[0];
    map_.empty(0);
    for (uint32_t i = 1; i <= 8; ++i) ASSERT_EQ(arm(i, kSecond), 0) << "the ninth in eight slots";
    map_.values[0] = old_value;
    EXPECT_EQ(timers_.start(map_.timer(0), 1, 0), -EINVAL);
    EXPECT_EQ(timers_.cancel(map_.timer(0), env_), -EINVAL);
}

TEST_F(TimersTest, AreBounded) {
    for (uint32_t i = 0; i < 8; ++i) ASSERT_EQ(arm(i, kSecond), 0);
    EXPECT_EQ(arm(8, kSecond), -ENOMEM);
    map_.empty(5);
    EXPECT_EQ(arm(8, kSecond), 0);
    EXPECT_EQ(timers_.in_use(), 8u);
}

TEST_F(TimersTest, CallBackABoundedNumberAtOnce) {
    Timers many(TimerMap::kEntries, test_clock);
    for (uint32_t i = 0; i < TimerMap::kEntries; ++i) {
        ASSERT_EQ(many.init(map_.timer(i), map_, CLOCK_BOOTTIME), 0);
        many.set_callback(map_.timer(i), &program_, 17);
        ASSERT_EQ(many.start(map_.timer(i), i, 0), 0);
    }
    EXPECT_EQ(many.run_due(now_ns + kSecond, env_), kTimersDueMax);
    EXPECT_EQ(program_.keys.back(), kTimersDueMax - 1);
    EXPECT_EQ(many.run_due(now_ns + kSecond, env_), kTimersDueMax);
}

TEST_F(TimersTest, ForgetAMapOrAProgram) {
    ASSERT_EQ(arm(0, kMs), 0);
    ASSERT_EQ(arm(1, kMs), 0);
    timers_.drop_program(program_);
    EXPECT_EQ(timers_.run_due(now_ns + kSecond, env_), 0u);
    EXPECT_EQ(timers_.start(map_.timer(0), 0, 0), -EINVAL);
    EXPECT_EQ(timers_.in_use(), 2u);
    timers_.drop_map(map_);
    EXPECT_EQ(timers_.in_use(), 0u);
    EXPECT_EQ(timers_.cancel(map_.timer(0), env_), -EINVAL);
}

TEST_F(TimersTest, WaitForACallbackOnAnotherCore) {
    ASSERT_EQ(arm(0, kMs), 0);
    RunEnv other;
    bool nested = false;
    program_.during = [&](RunEnv&) {
        if (std::exchange(nested, true)) return;
        timers_.start(map_.timer(0), 0, 0);
        EXPECT_EQ(timers_.run_due(now_ns + kMs, other), 0u) << "it still runs here";
    };
    EXPECT_EQ(timers_.run_due(now_ns + kMs, env_), 2u) << "and came due again";
    EXPECT_EQ(program_.keys, (std::vector<uint32_t>{0, 0}));
}

TEST_F(TimersTest, GoOnWithTheCallbackThatIsChosenInPlaceOfAnother) {
    Callback next;
    ASSERT_EQ(arm(1, kMs), 0);
    ASSERT_EQ(arm(2, kMs), 0);
    timers_.rebind(program_, [&](const Map& map, uint64_t function) {
        EXPECT_EQ(&map, &map_);
        EXPECT_EQ(function, 17u);
        return Timers::Callback{&next, 23};
    });
    EXPECT_EQ(timers_.run_due(now_ns + kMs, env_), 2u);
    EXPECT_TRUE(program_.keys.empty());
    EXPECT_EQ(next.last_function, 23u);
    ASSERT_EQ(timers_.start(map_.timer(1), kMs, 0), 0);
    timers_.rebind(next, [](const Map&, uint64_t) { return Timers::Callback{}; });
    EXPECT_EQ(timers_.next_deadline_ns(), kNoDeadline) << "cancelled";
    EXPECT_EQ(timers_.start(map_.timer(1), kMs, 0), -EINVAL);
}

TEST_F(TimersTest, CountCallsThoseThatAreLateAndInitsThatFail) {
    for (uint32_t i = 0; i < 8; ++i) ASSERT_EQ(arm(i, i * kMs), 0);
    EXPECT_EQ(arm(8, 0), -ENOMEM);
    EXPECT_EQ(timers_.run_due(now_ns + 3 * kMs, env_), 4u);
    EXPECT_EQ(timers_.call_count(), 4u);
    EXPECT_EQ(timers_.late_count(), 2u);
    EXPECT_EQ(timers_.full_count(), 1u);
}

TEST_F(TimersTest, SayHowManyWereDropped) {
    ASSERT_EQ(arm(1, kMs), 0);
    ASSERT_EQ(arm(2, kMs), 0);
    EXPECT_EQ(timers_.drop_program(program_), 2u);
    EXPECT_EQ(timers_.drop_program(program_), 0u);
    EXPECT_EQ(timers_.drop_map(map_), 2u);
    EXPECT_EQ(timers_.drop_map(map_), 0u);
    EXPECT_EQ(timers_.in_use(), 0u);
}

/// Its slot may be gone already: then nothing but the call itself says that it may start another.
TEST_F(TimersTest, CountCallbacksThatRunAsNotDroppedYet) {
    uint32_t of_program = 0, of_map = 0;
    program_.during = [&](RunEnv&) {
        timers_.drop_map(map_);
        of_program = timers_.drop_program(program_);
        of_map = timers_.drop_map(map_);
    };
    ASSERT_EQ(arm(1, kMs), 0);
    EXPECT_EQ(timers_.run_due(now_ns + kMs, env_), 1u);
    EXPECT_EQ(of_program, 1u);
    EXPECT_EQ(of_map, 1u);
    EXPECT_EQ(timers_.drop_program(program_), 0u);
    EXPECT_EQ(timers_.drop_map(map_), 0u);
}

TEST(TimerHelpers, NeedACoreWithTimers) {
    Frame frame(60);
    TimerMap map;
    const uint64_t timer = map.timer(0);
    EXPECT_EQ(frame.call_plain(169, timer, number_of(&map), 1), -EOPNOTSUPP);
    for (const int64_t id : {170, 171, 172}) EXPECT_EQ(frame.call_plain(id, timer), -EINVAL);
    Timers timers(1);
    Callback program;
    frame.env.timers = &timers;
    frame.env.program = &program;
    EXPECT_EQ(frame.call_plain(169, timer, number_of(&map), 1), 0);
    EXPECT_EQ(frame.call_plain(170, timer, 17), 0);
    EXPECT_EQ(frame.call_plain(171, timer, 0, 0), 0);
    EXPECT_EQ(timers.run_due(system_clock_ns(CLOCK_MONOTONIC), frame.env), 1u);
    EXPECT_EQ(frame.call_plain(172, timer), 0);
}

}  // namespace
}  // namespace weir::vm
