#include "dataplane/link_follow.h"

#include <gtest/gtest.h>

namespace weir::dataplane {
namespace {

using Links = std::vector<uint8_t>;
using std::chrono::milliseconds;

/// Orders of one step as text: "-1" port 1 down, "+0" port 0 up.
std::string step(LinkFollow& follow, const Links& links, milliseconds now) {
    std::string text;
    for (const LinkFollow::Order& order : follow.step(links, LinkFollow::Time(now)))
        text += (order.up ? "+" : "-") + std::to_string(order.port);
    return text;
}

TEST(LinkFollow, TakesAPortDownAndUpWithTheOneItFollows) {
    LinkFollow follow({LinkFollow::kNone, 0});
    EXPECT_EQ(step(follow, {1, 1}, milliseconds(0)), "");
    EXPECT_EQ(step(follow, {0, 1}, milliseconds(50)), "-1");
    EXPECT_TRUE(follow.is_held(1));
    EXPECT_EQ(step(follow, {0, 0}, milliseconds(100)), "");
    EXPECT_EQ(step(follow, {1, 0}, milliseconds(150)), "+1");
    EXPECT_FALSE(follow.is_held(1));
    EXPECT_EQ(step(follow, {1, 1}, milliseconds(200)), "");
}

TEST(LinkFollow, PairsDoNotHoldEachOtherDown) {
    LinkFollow follow({1, 0});
    EXPECT_EQ(step(follow, {0, 1}, milliseconds(0)), "-1");
    EXPECT_EQ(step(follow, {0, 0}, milliseconds(50)), "");
    EXPECT_EQ(step(follow, {1, 0}, milliseconds(100)), "+1");
    // The second takes a while to negotiate: the first is not taken down for that.
    EXPECT_EQ(step(follow, {1, 0}, milliseconds(150)), "");
    EXPECT_EQ(step(follow, {1, 1}, milliseconds(200)), "");
    EXPECT_EQ(step(follow, {1, 0}, milliseconds(250)), "-0");
}

TEST(LinkFollow, ALinkThatDoesNotComeBackCountsAsLostAfterAWhile) {
    LinkFollow follow({1, 0});
    EXPECT_EQ(step(follow, {0, 1}, milliseconds(0)), "-1");
    EXPECT_EQ(step(follow, {1, 0}, milliseconds(100)), "+1");
    EXPECT_EQ(step(follow, {1, 0}, milliseconds(100) + LinkFollow::kReturnTime - milliseconds(1)),
              "");
    EXPECT_EQ(step(follow, {1, 0}, milliseconds(100) + LinkFollow::kReturnTime), "-0");
}

TEST(LinkFollow, BothEndsLostComeBackInEitherOrder) {
    LinkFollow follow({1, 0});
    EXPECT_EQ(step(follow, {0, 0}, milliseconds(0)), "");
    EXPECT_EQ(step(follow, {1, 0}, milliseconds(50)), "-0");
    EXPECT_EQ(step(follow, {0, 1}, milliseconds(100)), "+0");
    EXPECT_EQ(step(follow, {1, 1}, milliseconds(150)), "");
}

TEST(LinkFollow, PortsThatFollowNoneAreLeftAlone) {
    LinkFollow follow({LinkFollow::kNone, LinkFollow::kNone});
    EXPECT_EQ(step(follow, {0, 1}, milliseconds(0)), "");
    EXPECT_EQ(step(follow, {0, 0}, milliseconds(50)), "");
}

TEST(LinkFollow, AChainOfPortsGoesDownWithTheFirstOnlyAtItsNeighbour) {
    // A port that is held says nothing of its own other end, so that the third stays.
    LinkFollow follow({LinkFollow::kNone, 0, 1});
    EXPECT_EQ(step(follow, {0, 1, 1}, milliseconds(0)), "-1");
    EXPECT_EQ(step(follow, {0, 0, 1}, milliseconds(50)), "");
}

}  // namespace
}  // namespace weir::dataplane
