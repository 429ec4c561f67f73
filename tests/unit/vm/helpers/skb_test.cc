// Limits and zeroing: bpf_skb_load_bytes and bpf_skb_load_bytes_relative of Linux 6.18.

#include <cerrno>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/segments_frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kLoad = 26, kLoadRelative = 68;
constexpr uint64_t kMac = 0, kNet = 1;

class SkbLoad : public ::testing::Test {
protected:
    int64_t load(uint64_t offset, uint64_t bytes) {
        buffer_.fill(7);
        return frame_.call_plain(kLoad, number_of(&skb_), offset, number_of(buffer_.data()), bytes);
    }
    int64_t load_from(uint64_t header, uint64_t offset, uint64_t bytes) {
        buffer_.fill(7);
        return frame_.call_plain(kLoadRelative, number_of(&skb_), offset, number_of(buffer_.data()),
                                 bytes, header);
    }

    SegmentsFrame frame_;
    SkbContext skb_{.frame = frame_.context, .network_offset = 14, .mac_offset = 0};
    std::array<uint8_t, 8> buffer_{};
};

TEST_F(SkbLoad, CopiesAcrossSegmentsUpToTheEnd) {
    EXPECT_EQ(load(3518, 4), 0);
    EXPECT_EQ(buffer_, (std::array<uint8_t, 8>{0xbe, 0xbf, 0xc0, 0xc1, 7, 7, 7, 7}));
    EXPECT_EQ(load(8992, 8), 0);
    EXPECT_EQ(buffer_[7], static_cast<uint8_t>(8999));
}

TEST_F(SkbLoad, ZeroesTheBufferOfWhatItRefuses) {
    for (const uint64_t offset : {uint64_t{8993}, uint64_t{9000}, uint64_t{0x8000'0000},
                                  uint64_t{UINT32_MAX}, uint64_t{0x7fff'ffff}}) {
        EXPECT_EQ(load(offset, 8), -EFAULT) << offset;
        EXPECT_EQ(buffer_[0] | buffer_[7], 0) << offset;
    }
}

TEST_F(SkbLoad, CountsFromTheHeaderThatIsAskedFor) {
    EXPECT_EQ(load_from(kMac, 1, 2), 0);
    EXPECT_EQ(buffer_[0], 1);
    EXPECT_EQ(load_from(kNet, 1, 2), 0);
    EXPECT_EQ(buffer_[0], 15);
    skb_.frame.data += 14;  // a filter that starts behind the Ethernet header
    skb_.network_offset = 0;
    skb_.mac_offset = -14;
    EXPECT_EQ(load_from(kMac, 1, 2), 0);
    EXPECT_EQ(buffer_[0], 1);
    EXPECT_EQ(load_from(kNet, 1, 2), 0);
    EXPECT_EQ(buffer_[0], 15);
}

TEST_F(SkbLoad, RelativeSeesTheLinearPartOnly) {
    EXPECT_EQ(load_from(kMac, 3516, 4), 0);
    EXPECT_EQ(load_from(kMac, 3517, 4), -EFAULT);
    EXPECT_EQ(buffer_[0], 0);
    EXPECT_EQ(load_from(kMac, 0x10000, 1), -EFAULT);
    EXPECT_EQ(load_from(2, 0, 1), -EFAULT);
    skb_.mac_offset = -1000;
    EXPECT_EQ(load_from(kMac, 0, 1), -EFAULT) << "in front of the frame";
}

}  // namespace
}  // namespace weir::vm
