// What a number waits for: all that it was computed from waits too, for the outermost of the loops.

#include "vm/verifier/depend.h"

#include <gtest/gtest.h>

namespace weir::vm::verifier {
namespace {

constexpr uint32_t kOuter = 3, kInner = 5;

/// A number that came from nowhere, in a state that is stored.
uint32_t some_number(Dependencies& depend) {
    return depend.stored(Dependencies::kNone);
}

TEST(Dependencies, BothOperandsOfWhatFollowsWait) {
    Dependencies depend;
    const uint32_t head = some_number(depend), left = some_number(depend),
                   right = some_number(depend);
    depend.follow(head, depend.both(left, right), kInner);
    EXPECT_TRUE(depend.is_waiting(left));
    EXPECT_TRUE(depend.is_waiting(right));
    depend.close_loop(kInner);
    EXPECT_FALSE(depend.is_waiting(left));
    EXPECT_FALSE(depend.is_waiting(right));
    EXPECT_FALSE(depend.is_precise(right));
}

TEST(Dependencies, BothOperandsOfWhatFollowsArePreciseWithTheHead) {
    Dependencies depend;
    const uint32_t head = some_number(depend), left = some_number(depend),
                   right = some_number(depend);
    depend.follow(head, depend.both(left, right), kInner);
    depend.mark_precise(head);
    EXPECT_TRUE(depend.is_precise(left));
    EXPECT_TRUE(depend.is_precise(right));
}

TEST(Dependencies, WhatFollowsAWaitingNumberWaitsForTheOuterLoopToo) {
    Dependencies depend;
    const uint32_t outer = some_number(depend), inner = some_number(depend),
                   now = some_number(depend);
    depend.follow(outer, inner, kOuter);
    depend.follow(inner, now, kInner);
    depend.close_loop(kInner);
    EXPECT_TRUE(depend.is_waiting(now));
    depend.mark_precise(outer);
    EXPECT_TRUE(depend.is_precise(now));
}

}  // namespace
}  // namespace weir::vm::verifier
