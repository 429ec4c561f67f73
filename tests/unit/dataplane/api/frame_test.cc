#include "dataplane/api/frame.h"

#include <gtest/gtest.h>

namespace weir::dataplane::api {
namespace {

Result<FrameHeader> read_changed(size_t offset, uint8_t value) {
    Bytes frame = make_frame(FrameType::Stats, {});
    frame[offset] = value;
    return read_frame_header(frame);
}

TEST(Frame, HeaderIsLittleEndianAndTwelveBytes) {
    const Bytes body = {1, 2, 3};
    const Bytes frame = make_frame(FrameType::Update, body);
    EXPECT_EQ(frame, (Bytes{'W', 'E', 'I', 'R', kVersion, 0, 6, 0, 3, 0, 0, 0, 1, 2, 3}));
    const Result<FrameHeader> header = read_frame_header(ByteSpan(frame).first(kFrameHeaderBytes));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->type, static_cast<uint16_t>(FrameType::Update));
    EXPECT_EQ(header->length, 3u);
}

TEST(Frame, RefusesWhatIsNotOursByFieldAndOffset) {
    EXPECT_EQ(read_changed(0, 'X').error().message,
              "frame: magic at offset 0 is 0x52494558, expected 0x52494557");
    EXPECT_EQ(read_changed(4, 99).error().message,
              "frame: version at offset 4 is 99, this side speaks " + std::to_string(kVersion));
    EXPECT_EQ(read_changed(11, 0x10).error().message,
              "frame: length at offset 8 is 268435456, at most 67108864");
}

TEST(Frame, NamesItsTypes) {
    EXPECT_EQ(frame_type_name(1), "STATUS");
    EXPECT_EQ(frame_type_name(kRequestTypeMax), "LIST_CAPTURES");
    EXPECT_EQ(frame_type_name(reply_type(FrameType::LoadProgram)), "LOAD reply");
    EXPECT_EQ(frame_type_name(0xffff), "ERROR");
    EXPECT_EQ(frame_type_name(0), "type 0");
    EXPECT_EQ(frame_type_name(kRequestTypeMax + 1), "type " + std::to_string(kRequestTypeMax + 1));
}

}  // namespace
}  // namespace weir::dataplane::api
