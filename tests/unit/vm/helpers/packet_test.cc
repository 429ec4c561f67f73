// Limits and results: BPF_PROG_TEST_RUN of Linux 6.18 with a packet of 60 bytes.

#include <algorithm>
#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kAdjustHead = 44, kAdjustMeta = 54, kAdjustTail = 65, kBuffLen = 188, kLoad = 189,
                  kStore = 190;
constexpr int64_t kRedirect = 23;

TEST(AdjustHead, ReachesDownToTheFrameAndUpToAnEthernetHeader) {
    Frame frame(60);
    EXPECT_EQ(frame.call(kAdjustHead, offset_of(-217)), -EINVAL);
    EXPECT_EQ(frame.call(kAdjustHead, offset_of(-216)), 0);
    EXPECT_EQ(frame.context.data, frame.context.frame_start);
    EXPECT_EQ(frame.length(), 276);
    EXPECT_EQ(frame.call(kAdjustHead, 216 + 47), -EINVAL);
    EXPECT_EQ(frame.call(kAdjustHead, 216 + 46), 0);
    EXPECT_EQ(frame.length(), 14);
    EXPECT_EQ(frame.context.data[0], 46);
}

TEST(AdjustHead, TakesTheMetadataAlong) {
    Frame frame(60);
    ASSERT_EQ(frame.call(kAdjustMeta, offset_of(-4)), 0);
    frame.context.data_meta[0] = 0xab;
    frame.context.data_meta[3] = 0xcd;
    EXPECT_EQ(frame.call(kAdjustHead, offset_of(-213)), -EINVAL)
        << "the metadata needs its 4 bytes in front";
    ASSERT_EQ(frame.call(kAdjustHead, 20), 0);
    EXPECT_EQ(frame.meta_length(), 4);
    EXPECT_EQ(frame.context.data_meta[0], 0xab);
    EXPECT_EQ(frame.context.data_meta[3], 0xcd);
    EXPECT_EQ(frame.context.data[0], 20);
}

TEST(AdjustHead, LooksAtTheLowHalfOfTheOffsetOnly) {
    Frame frame(60);
    EXPECT_EQ(frame.call(kAdjustHead, 0xffff'ffff'0000'0010), 0);
    EXPECT_EQ(frame.length(), 44);
    EXPECT_EQ(frame.call(kAdjustHead, 0x0000'0000'ffff'fff0), 0);
    EXPECT_EQ(frame.length(), 60);
    EXPECT_EQ(frame.call(kAdjustHead, 0x8000'0000), -EINVAL);
}

TEST(AdjustMeta, KeepsTheKernelsLimits) {
    Frame frame(60);
    EXPECT_EQ(frame.call(kAdjustMeta, offset_of(-30)), -EACCES);
    EXPECT_EQ(frame.call(kAdjustMeta, 4), -EINVAL);
    EXPECT_EQ(frame.call(kAdjustMeta, offset_of(-220)), -EINVAL);
    EXPECT_EQ(frame.call(kAdjustMeta, offset_of(-216)), 0);
    EXPECT_EQ(frame.meta_length(), 216);
    EXPECT_EQ(frame.call(kAdjustMeta, 216), 0);
    EXPECT_EQ(frame.meta_length(), 0);
}

TEST(AdjustMeta, RefusesMoreThanAByteCounts) {
    Frame frame(300);
    ASSERT_EQ(frame.call(kAdjustHead, 60), 0);
    EXPECT_EQ(frame.call(kAdjustMeta, offset_of(-256)), -EACCES);
    EXPECT_EQ(frame.call(kAdjustMeta, offset_of(-252)), 0);
}

TEST(AdjustTail, ShrinksToAnEthernetHeaderAndGrowsToTheLimitWithZeroes) {
    Frame frame(60);
    EXPECT_EQ(frame.call(kAdjustTail, offset_of(-47)), -EINVAL);
    EXPECT_EQ(frame.call(kAdjustTail, offset_of(-46)), 0);
    EXPECT_EQ(frame.call(kBuffLen), 14);
    EXPECT_EQ(frame.call(kAdjustTail, 3507), -EINVAL);
    EXPECT_EQ(frame.call(kAdjustTail, 3506), 0);
    EXPECT_EQ(frame.length(), 3520);
    EXPECT_EQ(frame.context.data[13], 13);
    for (int64_t i = 14; i < frame.length(); ++i) ASSERT_EQ(frame.context.data[i], 0) << i;
    EXPECT_EQ(frame.call(kAdjustTail, 0x7fff'ffff), -EINVAL);
}

TEST(LoadBytes, CopiesOutOfThePacketOnly) {
    Frame frame(60);
    std::array<uint8_t, 16> buffer{};
    EXPECT_EQ(frame.call(kLoad, 44, number_of(buffer.data()), 16), 0);
    EXPECT_EQ(buffer[0], 44);
    EXPECT_EQ(buffer[15], 59);
    EXPECT_EQ(frame.call(kLoad, 45, number_of(buffer.data()), 16), -EINVAL);
    EXPECT_EQ(frame.call(kLoad, 0xffff, number_of(buffer.data()), 16), -EINVAL);
    EXPECT_EQ(frame.call(kLoad, 0x10000, number_of(buffer.data()), 1), -EFAULT);
    EXPECT_EQ(frame.call(kLoad, 0xffff'ffff, number_of(buffer.data()), 1), -EFAULT);
    std::vector<uint8_t> large(0x10000);
    EXPECT_EQ(frame.call(kLoad, 0, number_of(large.data()), large.size()), -EFAULT);
}

// The verifier counts the buffer as written, whatever the result: nothing stale may be left in it.
TEST(LoadBytes, ZeroesTheWholeBufferOnErrors) {
    struct Refused {
        uint64_t offset, bytes;
    };
    for (const auto [offset, bytes] : {Refused{45, 16}, Refused{0x10000, 1}, Refused{0, 0x10001}}) {
        Frame frame(60);
        std::vector<uint8_t> buffer(bytes + 1, 0xa5);
        EXPECT_LT(frame.call(kLoad, offset, number_of(buffer.data()), bytes), 0);
        EXPECT_EQ(std::count(buffer.begin(), buffer.end() - 1, 0), static_cast<int64_t>(bytes));
        EXPECT_EQ(buffer.back(), 0xa5);
    }
}

TEST(StoreBytes, CopiesIntoThePacketOnly) {
    Frame frame(60);
    const std::array<uint8_t, 2> value{0xaa, 0xbb};
    EXPECT_EQ(frame.call(kStore, 58, number_of(value.data()), 2), 0);
    EXPECT_EQ(frame.context.data[58], 0xaa);
    EXPECT_EQ(frame.context.data[59], 0xbb);
    EXPECT_EQ(frame.call(kStore, 59, number_of(value.data()), 2), -EINVAL);
    EXPECT_EQ(frame.context.data_end[0], 0xee);
}

TEST(Redirect, RemembersTheTargetAndKnowsNoFlags) {
    Frame frame(60);
    EXPECT_EQ(frame.call_plain(kRedirect, 7, 1), XDP_ABORTED);
    EXPECT_EQ(frame.env.redirect_ifindex, 0u);
    EXPECT_EQ(frame.call_plain(kRedirect, 7, 0), XDP_REDIRECT);
    EXPECT_EQ(frame.env.redirect_ifindex, 7u);
}

}  // namespace
}  // namespace weir::vm
