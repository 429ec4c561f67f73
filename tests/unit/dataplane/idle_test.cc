#include "dataplane/idle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "maps/reclaim.h"
#include "vm/helpers/timers.h"

namespace weir::dataplane::testing {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kRoundsToLongNaps = 4400;
constexpr uint32_t kNaps = 100;

/// The shortest of many naps: what this machine adds to some of them does not count.
std::chrono::nanoseconds shortest_nap(IdleSetup setup, bool is_handed) {
    maps::reader_register();
    Idle idle(std::move(setup));
    for (uint32_t i = 0; i < kRoundsToLongNaps; ++i) idle.rest(vm::kNoDeadline, is_handed);
    std::chrono::nanoseconds shortest = 1h;
    for (uint32_t i = 0; i < kNaps; ++i) {
        const auto start = std::chrono::steady_clock::now();
        EXPECT_TRUE(idle.rest(vm::kNoDeadline, is_handed));
        shortest =
            std::min(shortest, std::chrono::nanoseconds(std::chrono::steady_clock::now() - start));
    }
    maps::reader_unregister();
    return shortest;
}

TEST(Idle, NapsLongOnlyWhereNobodyHandsPacketsOver) {
    const IdleSetup setup{.mode = api::IdleMode::Adaptive, .awaited = {}};
    EXPECT_GE(shortest_nap(setup, false), 200us);
    const auto handed = shortest_nap(setup, true);
    EXPECT_GE(handed, 40us);
    EXPECT_LT(handed, 200us);
}

TEST(Idle, NapsShortBesideRingsThatFillAtLineRate) {
    const IdleSetup setup{.mode = api::IdleMode::Adaptive, .awaited = {}, .is_short = true};
    EXPECT_LT(shortest_nap(setup, false), 200us);
}

TEST(Idle, NeverRestsWherePollingWasAskedFor) {
    Idle idle({.mode = api::IdleMode::Poll, .awaited = {}});
    for (uint32_t i = 0; i < 2 * kRoundsToLongNaps; ++i)
        ASSERT_FALSE(idle.rest(vm::kNoDeadline, true));
}

}  // namespace
}  // namespace weir::dataplane::testing
