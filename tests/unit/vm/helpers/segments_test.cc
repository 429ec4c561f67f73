// Limits and results over segments: BPF_PROG_TEST_RUN of Linux 6.18 with a packet of 9,000 bytes.

#include "vm/helpers/segments.h"

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/segments_frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kAdjustHead = 44, kAdjustTail = 65, kBuffLen = 188, kLoad = 189, kStore = 190;
constexpr int64_t kPullData = 20;

TEST(Segments, AreReadAsOnePacket) {
    SegmentsFrame frame;
    std::array<uint8_t, 4> buffer{};
    const auto load = [&](uint64_t offset, uint64_t bytes) {
        return frame.call(kLoad, offset, number_of(buffer.data()), bytes);
    };
    EXPECT_EQ(frame.call(kBuffLen), 9000);
    EXPECT_EQ(load(3518, 4), 0);
    EXPECT_EQ(buffer, (std::array<uint8_t, 4>{0xbe, 0xbf, 0xc0, 0xc1}));
    EXPECT_EQ(load(8996, 4), 0);
    EXPECT_EQ(buffer[3], static_cast<uint8_t>(8999));
    EXPECT_EQ(load(8997, 4), -EINVAL);
    EXPECT_EQ(load(65536, 4), -EFAULT);
    EXPECT_EQ(load(65535, 4), -EINVAL);
    EXPECT_EQ(load(9000, 0), 0);
}

TEST(Segments, AreWrittenAcrossTheirEdges) {
    SegmentsFrame frame;
    std::vector<uint8_t> bytes(5000, 0xab);
    ASSERT_EQ(frame.call(kStore, 3500, number_of(bytes.data()), bytes.size()), 0);
    for (const uint32_t offset : {3499u, 3500u, 3519u, 3520u, 7615u, 7616u, 8499u, 8500u}) {
        uint8_t byte = 0;
        ASSERT_EQ(load_packet(frame.context, offset, &byte, 1), 0);
        const bool written = offset >= 3500 && offset < 8500;
        EXPECT_EQ(byte, written ? 0xab : static_cast<uint8_t>(offset)) << offset;
    }
}

TEST(Segments, GiveAPointerOnlyWhereARangeIsInOnePiece) {
    SegmentsFrame frame;
    EXPECT_EQ(packet_pointer(frame.context, 0, 3520), frame.context.data);
    EXPECT_EQ(packet_pointer(frame.context, 3518, 4), nullptr);
    EXPECT_EQ(packet_pointer(frame.context, 3520, 4096), frame.context.segments[0].data);
    EXPECT_EQ(packet_pointer(frame.context, 7616, 1384), frame.context.segments[1].data);
}

TEST(AdjustTail, GrowsTheLastSegmentAsFarAsItHasRoom) {
    SegmentsFrame frame;
    frame.context.segments[1].data[1384] = 0xee;
    EXPECT_EQ(frame.call(kAdjustTail, 1), 0);
    EXPECT_EQ(frame.context.segments[1].data[1384], 0);
    EXPECT_EQ(frame.call(kBuffLen), 9001);
    EXPECT_EQ(frame.call(kAdjustTail, 0), 0);
    EXPECT_EQ(frame.call(kAdjustTail, 4000), -EINVAL);
    EXPECT_EQ(frame.call(kAdjustTail, 2700), 0);
    EXPECT_EQ(frame.call(kBuffLen), 11701);
    EXPECT_EQ(frame.call(kAdjustTail, offset_of(-11688)), -EINVAL);
    EXPECT_EQ(frame.call(kAdjustTail, offset_of(-11687)), 0);
    EXPECT_EQ(frame.length(), 14);
    EXPECT_EQ(frame.context.segment_count, 0u);
}

TEST(AdjustTail, DropsSegmentsThatBecomeEmpty) {
    SegmentsFrame frame;
    EXPECT_EQ(frame.call(kAdjustTail, offset_of(-1384)), 0);
    EXPECT_EQ(frame.context.segment_count, 1u);
    EXPECT_EQ(frame.call(kAdjustTail, offset_of(-4095)), 0);
    EXPECT_EQ(frame.context.segments[0].bytes, 1u);
    EXPECT_EQ(frame.call(kAdjustTail, offset_of(-1)), 0);
    EXPECT_EQ(frame.context.segment_count, 0u);
    EXPECT_EQ(frame.length(), 3520);
}

TEST(AdjustTail, LeavesSegmentsAloneAtTheMostNegativeOffset) {
    SegmentsFrame frame;
    EXPECT_EQ(frame.call(kAdjustTail, 0x8000'0000), 0);
    EXPECT_EQ(frame.call(kBuffLen), 9000);
}

TEST(AdjustHead, KeepsAnEthernetHeaderInTheLinearPart) {
    SegmentsFrame frame;
    EXPECT_EQ(frame.call(kAdjustHead, 3520), -EINVAL);
    EXPECT_EQ(frame.call(kAdjustHead, 3506), 0);
    EXPECT_EQ(frame.length(), 14);
    EXPECT_EQ(frame.call(kBuffLen), 5494);
    EXPECT_EQ(frame.call(kAdjustTail, offset_of(-5480)), 0);
    EXPECT_EQ(frame.call(kAdjustTail, offset_of(-1)), -EINVAL);
}

TEST(PullData, MovesBytesOutOfSegments) {
    SegmentsFrame frame;
    EXPECT_EQ(frame.call_kfunc(kPullData, 100), 0);
    EXPECT_EQ(frame.call_kfunc(kPullData, 3620), 0);
    EXPECT_EQ(frame.length(), 3620);
    EXPECT_EQ(frame.call(kBuffLen), 9000);
    EXPECT_EQ(frame.call_kfunc(kPullData, 4000), -EINVAL);
    EXPECT_EQ(frame.call_kfunc(kPullData, 10000), -EINVAL);
    EXPECT_EQ(frame.call_kfunc(kPullData, 3736), 0);
    EXPECT_EQ(frame.length(), 3736);
    EXPECT_EQ(frame.context.data, frame.context.frame_start);
    EXPECT_EQ(frame.call_kfunc(kPullData, 3737), -EINVAL);
    for (uint32_t offset = 0; offset < 9000; ++offset) {
        uint8_t byte = 0;
        ASSERT_EQ(load_packet(frame.context, offset, &byte, 1), 0);
        ASSERT_EQ(byte, static_cast<uint8_t>(offset)) << offset;
    }
}

TEST(PullData, DropsSegmentsThatItEmptied) {
    SegmentsFrame frame;
    ASSERT_EQ(frame.call(kAdjustHead, 3400), 0);
    ASSERT_EQ(frame.call(kAdjustTail, offset_of(-(1384 + 4000))), 0);
    ASSERT_EQ(frame.context.segment_count, 1u);
    EXPECT_EQ(frame.call_kfunc(kPullData, 216), 0);
    EXPECT_EQ(frame.context.segment_count, 0u);
    EXPECT_EQ(frame.length(), 216);
    EXPECT_EQ(frame.context.data[215], static_cast<uint8_t>(3615));
}

}  // namespace
}  // namespace weir::vm
