#include "dataplane/checksum_watch.h"

#include <gtest/gtest.h>

namespace weir::dataplane {
namespace {

/// UDP 192.0.2.1:1 -> 192.0.2.2:2 with four bytes of payload; the checksum was worked out by hand
/// (RFC 1071).
Bytes udp_frame() {
    Bytes frame(12, 0);
    const Bytes rest = {0x08, 0x00, 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2,
                        1,    192,  0,    2, 2, 0,  1, 0, 2, 0, 12, 0,  0, 1, 2,   3, 4};
    frame.insert(frame.end(), rest.begin(), rest.end());
    uint32_t sum = 17 + 12;
    for (size_t i = 26; i < frame.size(); i += 2)
        sum += static_cast<uint32_t>(frame[i] << 8 | frame[i + 1]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    frame[40] = static_cast<uint8_t>(~sum >> 8);
    frame[41] = static_cast<uint8_t>(~sum);
    return frame;
}

TEST(ChecksumWatch, TellsGoodFromBad) {
    Bytes frame = udp_frame();
    EXPECT_EQ(check_layer4_checksum(frame), ChecksumState::Good);
    frame.back() ^= 1;
    EXPECT_EQ(check_layer4_checksum(frame), ChecksumState::Bad);
}

TEST(ChecksumWatch, JudgesBehindVlanTags) {
    Bytes frame = udp_frame();
    frame.insert(frame.begin() + 12, {0x81, 0x00, 0x00, 0x05});
    EXPECT_EQ(check_layer4_checksum(frame), ChecksumState::Good);
}

TEST(ChecksumWatch, LeavesAloneWhatHasNone) {
    Bytes no_checksum = udp_frame();
    no_checksum[40] = no_checksum[41] = 0;
    EXPECT_EQ(check_layer4_checksum(no_checksum), ChecksumState::Absent);
    Bytes fragment = udp_frame();
    fragment[20] = 0x20;
    EXPECT_EQ(check_layer4_checksum(fragment), ChecksumState::Absent);
    Bytes other = udp_frame();
    other[23] = 1;
    EXPECT_EQ(check_layer4_checksum(other), ChecksumState::Absent);
}

TEST(ChecksumWatch, SurvivesEveryTruncation) {
    const Bytes frame = udp_frame();
    for (size_t length = 0; length < frame.size(); ++length) {
        const Bytes cut(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(length));
        EXPECT_EQ(check_layer4_checksum(cut), ChecksumState::Absent) << length;
    }
}

/// As a sender leaves it to its device: the sum over the pseudo header.
Bytes unfinished(Bytes frame) {
    uint32_t sum = 17 + 12;
    for (size_t i = 26; i < 34; i += 2) sum += static_cast<uint32_t>(frame[i] << 8 | frame[i + 1]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    frame[40] = static_cast<uint8_t>(sum >> 8);
    frame[41] = static_cast<uint8_t>(sum);
    return frame;
}

TEST(ChecksumWatch, CompletesWhatTheSenderLeftToItsDevice) {
    Bytes frame = unfinished(udp_frame());
    EXPECT_EQ(check_layer4_checksum(frame), ChecksumState::Bad);
    EXPECT_TRUE(complete_layer4_checksum(frame));
    EXPECT_EQ(frame, udp_frame());
    EXPECT_FALSE(complete_layer4_checksum(frame));
    EXPECT_EQ(frame, udp_frame());
}

TEST(ChecksumWatch, LeavesDamagedFramesAsTheyAre) {
    Bytes frame = udp_frame();
    frame.back() ^= 1;
    const Bytes damaged = frame;
    EXPECT_FALSE(complete_layer4_checksum(frame));
    EXPECT_EQ(frame, damaged);
}

TEST(ChecksumWatch, AChecksumThatIsZeroIsWrittenAsOnes) {
    Bytes frame = udp_frame();
    // The payload's last word makes the sum all ones.
    const uint32_t checksum = static_cast<uint32_t>(frame[40] << 8 | frame[41]);
    const uint32_t word = static_cast<uint32_t>(frame[44] << 8 | frame[45]) + checksum;
    frame[44] = static_cast<uint8_t>(((word & 0xffff) + (word >> 16)) >> 8);
    frame[45] = static_cast<uint8_t>((word & 0xffff) + (word >> 16));
    frame = unfinished(frame);
    EXPECT_TRUE(complete_layer4_checksum(frame));
    EXPECT_EQ(frame[40], 0xff);
    EXPECT_EQ(frame[41], 0xff);
    EXPECT_EQ(check_layer4_checksum(frame), ChecksumState::Good);
}

TEST(ChecksumWatch, SurvivesCompletingEveryTruncation) {
    const Bytes frame = unfinished(udp_frame());
    for (size_t length = 0; length < frame.size(); ++length) {
        Bytes cut(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(length));
        const Bytes before = cut;
        EXPECT_FALSE(complete_layer4_checksum(cut)) << length;
        EXPECT_EQ(cut, before);
    }
}

TEST(ChecksumSampler, TakesTheFirstAndThenFew) {
    ChecksumSampler sampler;
    EXPECT_EQ(sampler.take(20), 20u);
    EXPECT_EQ(sampler.take(20), 12u);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 4 * ChecksumSampler::kEvery / 32; ++i) taken += sampler.take(32);
    EXPECT_EQ(taken, 4u);
    EXPECT_EQ(sampler.take(0), 0u);
}

}  // namespace
}  // namespace weir::dataplane
