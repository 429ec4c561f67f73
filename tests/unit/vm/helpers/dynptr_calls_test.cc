// Results: Linux 6.18 with the same calls on a packet of 9,000 bytes, 3,520 of them in the linear
// part.

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/segments_frame.h"
#include "vm/helpers/dynptr.h"

namespace weir::vm {
namespace {

constexpr int64_t kFromMem = 197, kRead = 201, kWrite = 202, kData = 203, kAdjustTail = 65;
constexpr int64_t kFromXdp = 4, kSlice = 5, kSliceRdwr = 6, kFromSkb = 12, kAdjust = 13,
                  kIsNull = 14, kIsRdonly = 15, kSize = 16, kClone = 17, kCopy = 18, kMemset = 19;

class DynptrCalls : public ::testing::Test {
protected:
    int64_t helper(int64_t id, uint64_t r1, uint64_t r2 = 0, uint64_t r3 = 0, uint64_t r4 = 0,
                   uint64_t r5 = 0) {
        return frame_.call_plain(id, r1, r2, r3, r4, r5);
    }
    int64_t kfunc(int64_t number, uint64_t r1, uint64_t r2 = 0, uint64_t r3 = 0, uint64_t r4 = 0,
                  uint64_t r5 = 0) {
        return frame_.call_kfunc_plain(number, r1, r2, r3, r4, r5);
    }
    int64_t from_xdp(uint64_t flags, Dynptr& dynptr) {
        return kfunc(kFromXdp, number_of(&frame_.context), flags, number_of(&dynptr));
    }

    SegmentsFrame frame_;
    Dynptr packet_, other_, memory_;
    uint64_t at_ = number_of(&packet_), other_at_ = number_of(&other_),
             memory_at_ = number_of(&memory_);
    std::array<uint8_t, 512> buffer_{};
    uint64_t to_ = number_of(buffer_.data());
    std::array<uint8_t, 100> mem_{};
};

TEST_F(DynptrCalls, MakeANullOneOfUnknownFlags) {
    EXPECT_EQ(from_xdp(1, packet_), -EINVAL);
    EXPECT_EQ(kfunc(kSize, at_), 4294967274);
    EXPECT_EQ(kfunc(kIsNull, at_), 1);
    EXPECT_EQ(kfunc(kIsRdonly, at_), 0);
    EXPECT_EQ(kfunc(kClone, at_, other_at_), -EINVAL);
    EXPECT_TRUE(other_.is_null());
    EXPECT_EQ(kfunc(kAdjust, at_, 0, 1), -EINVAL);
    EXPECT_EQ(helper(kRead, to_, 4, at_, 0, 0), -EINVAL);
    EXPECT_EQ(helper(kWrite, at_, 0, to_, 4, 0), -EINVAL);
    EXPECT_EQ(kfunc(kCopy, at_, 0, other_at_, 0, 4), -E2BIG);
    EXPECT_EQ(kfunc(kMemset, at_, 0, 4, 1), -E2BIG);
    EXPECT_EQ(helper(kFromMem, number_of(mem_.data()), 100, 1, memory_at_), -EINVAL);
    EXPECT_EQ(helper(kFromMem, number_of(mem_.data()), kDynptrBytesMax + 1, 0, memory_at_), -E2BIG);
    EXPECT_TRUE(memory_.is_null());
}

TEST_F(DynptrCalls, ReadAndWriteAcrossSegments) {
    ASSERT_EQ(from_xdp(0, packet_), 0);
    EXPECT_EQ(kfunc(kSize, at_), 9000);
    EXPECT_EQ(kfunc(kIsRdonly, at_), 0);
    EXPECT_EQ(helper(kRead, to_, 4, at_, 3518, 0), 0);
    EXPECT_EQ(buffer_[2], 0xc0);
    EXPECT_EQ(helper(kRead, to_, 4, at_, 8997, 0), -E2BIG);
    EXPECT_EQ(helper(kRead, to_, 4, at_, 0, 1), -EINVAL);
    EXPECT_EQ(helper(kRead, to_, 0, at_, 9000, 0), 0);
    EXPECT_EQ(helper(kRead, to_, 0, at_, 9001, 0), -E2BIG);
    EXPECT_EQ(helper(kWrite, at_, 0, to_, 4, 1), -EINVAL);
    EXPECT_EQ(helper(kWrite, at_, 9000, to_, 4, 1), -E2BIG);
    EXPECT_EQ(helper(kWrite, at_, 3518, to_, 4, 0), 0);
}

TEST_F(DynptrCalls, ZeroTheBufferOfAFailedReadUnlessTheStackIsClean) {
    buffer_.fill(7);
    EXPECT_EQ(helper(kRead, to_, 4, at_, 0, 0), -EINVAL);
    EXPECT_EQ(buffer_[3], 0);
    EXPECT_EQ(buffer_[4], 7);
    frame_.env.stack_is_clean = true;
    EXPECT_EQ(helper(kRead, to_ + 4, 4, at_, 0, 0), -EINVAL);
    EXPECT_EQ(buffer_[4], 7);
}

TEST_F(DynptrCalls, SliceInPlaceOrIntoTheBuffer) {
    ASSERT_EQ(from_xdp(0, packet_), 0);
    const auto slice = [&](uint64_t offset, uint64_t buffer) {
        return static_cast<uint64_t>(kfunc(kSlice, at_, offset, buffer, 4));
    };
    EXPECT_EQ(slice(3518, to_), to_);
    EXPECT_EQ(buffer_[3], 0xc1);
    EXPECT_EQ(slice(0, to_), number_of(frame_.context.data));
    EXPECT_EQ(slice(3518, 0), 0u);
    EXPECT_EQ(slice(8997, to_), 0u);
    EXPECT_EQ(slice(3520, to_), number_of(frame_.context.segments[0].data));
    EXPECT_EQ(static_cast<uint64_t>(kfunc(kSliceRdwr, at_, 1, 0, 4)),
              number_of(frame_.context.data + 1));
}

TEST_F(DynptrCalls, AdjustAClone) {
    ASSERT_EQ(from_xdp(0, packet_), 0);
    EXPECT_EQ(kfunc(kClone, at_, other_at_), 0);
    EXPECT_EQ(kfunc(kAdjust, other_at_, 10, 20), 0);
    EXPECT_EQ(kfunc(kSize, other_at_), 10);
    EXPECT_EQ(helper(kRead, to_, 1, other_at_, 0, 0), 0);
    EXPECT_EQ(buffer_[0], 10);
    EXPECT_EQ(kfunc(kAdjust, other_at_, 5, 4), -EINVAL);
    EXPECT_EQ(kfunc(kAdjust, other_at_, 0, 11), -ERANGE);
    EXPECT_EQ(kfunc(kAdjust, other_at_, 2, 2), 0);
    EXPECT_EQ(kfunc(kSize, other_at_), 0);
    EXPECT_EQ(helper(kRead, to_, 1, other_at_, 0, 0), -E2BIG);
}

TEST_F(DynptrCalls, CopyBetweenMemoryAndPacket) {
    ASSERT_EQ(from_xdp(0, packet_), 0);
    ASSERT_EQ(helper(kFromMem, number_of(mem_.data()), 100, 0, memory_at_), 0);
    EXPECT_EQ(kfunc(kCopy, memory_at_, 0, at_, 3500, 50), 0);
    EXPECT_EQ(mem_[0], static_cast<uint8_t>(3500));
    EXPECT_EQ(mem_[49], static_cast<uint8_t>(3549));
    EXPECT_EQ(kfunc(kCopy, memory_at_, 60, at_, 3500, 50), -E2BIG);
    EXPECT_EQ(kfunc(kCopy, memory_at_, 0, at_, 8990, 50), -E2BIG);
    EXPECT_EQ(kfunc(kCopy, at_, 3400, at_, 3300, 300), 0);
    EXPECT_EQ(kfunc(kCopy, at_, 8900, at_, 0, 300), -E2BIG);
    EXPECT_EQ(kfunc(kMemset, at_, 3500, 300, 9), 0);
    EXPECT_EQ(frame_.context.segments[0].data[279], 9);
    EXPECT_EQ(frame_.context.data[3500], 9);
    EXPECT_EQ(kfunc(kMemset, at_, 8999, 2, 9), -E2BIG);
}

TEST_F(DynptrCalls, GiveAPointerToMemoryOnly) {
    ASSERT_EQ(from_xdp(0, packet_), 0);
    ASSERT_EQ(helper(kFromMem, number_of(mem_.data()), 100, 0, memory_at_), 0);
    EXPECT_EQ(static_cast<uint64_t>(helper(kData, memory_at_, 0, 100)), number_of(mem_.data()));
    EXPECT_EQ(helper(kData, memory_at_, 1, 100), 0);
    EXPECT_EQ(helper(kData, at_, 0, 10), 0);
}

TEST_F(DynptrCalls, OutliveAPacketThatShrinks) {
    ASSERT_EQ(from_xdp(0, packet_), 0);
    ASSERT_EQ(frame_.call(kAdjustTail, offset_of(-6000)), 0);
    EXPECT_EQ(kfunc(kSize, at_), 9000);
    EXPECT_EQ(helper(kRead, to_, 4, at_, 5000, 0), -EINVAL);
    EXPECT_EQ(helper(kWrite, at_, 5000, to_, 4, 0), -EINVAL);
    EXPECT_EQ(kfunc(kMemset, at_, 5000, 4, 1), -EINVAL);
    EXPECT_EQ(kfunc(kSlice, at_, 5000, to_, 4), 0);
}

TEST_F(DynptrCalls, OfASocketFiltersPacketMayOnlyRead) {
    SkbContext skb{.frame = frame_.context};
    ASSERT_EQ(kfunc(kFromSkb, number_of(&skb), 0, at_), 0);
    EXPECT_EQ(kfunc(kIsRdonly, at_), 1);
    EXPECT_EQ(helper(kRead, to_, 4, at_, 3518, 0), 0);
    EXPECT_EQ(helper(kWrite, at_, 0, to_, 4, 0), -EINVAL);
    EXPECT_EQ(kfunc(kMemset, at_, 0, 4, 1), -EINVAL);
    EXPECT_EQ(kfunc(kSliceRdwr, at_, 0, to_, 4), 0);
    EXPECT_NE(kfunc(kSlice, at_, 0, to_, 4), 0);
    EXPECT_EQ(kfunc(kCopy, at_, 0, at_, 100, 4), -EINVAL);
}

}  // namespace
}  // namespace weir::vm
