#include "dataplane/capture/pcapng.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace weir::dataplane::capture {
namespace {

/// Words of 32 bits as they lie, a block's line each.
std::string hex(const Bytes& bytes) {
    std::string text;
    for (size_t i = 0; i < bytes.size(); ++i)
        text += fmt::format("{:02x}{}", bytes[i], i % 4 == 3 ? " " : "");
    return text;
}

// The texts are written by hand after draft-ietf-opsawg-pcapng, sections 4.1 to 4.6.

TEST(Pcapng, ASectionSaysWhoWroteIt) {
    Bytes out;
    append_section(out, "weir 1");
    EXPECT_EQ(hex(out),
              "0a0d0d0a 2c000000 4d3c2b1a 01000000 ffffffff ffffffff "
              "04000600 77656972 20310000 00000000 2c000000 ");
}

TEST(Pcapng, AnInterfaceHasNameDeviceResolutionAndFilter) {
    Bytes out;
    append_interface(out,
                     {.name = "wan", .description = "net_x", .filter = "tcp", .snap_bytes = 96});
    EXPECT_EQ(hex(out),
              "01000000 3c000000 01000000 60000000 "
              "02000300 77616e00 03000500 6e65745f 78000000 "
              "09000100 09000000 0b000400 00746370 00000000 3c000000 ");
}

TEST(Pcapng, APacketHasDirectionNumberQueueVerdictAndComment) {
    Bytes out;
    const Bytes packet = {1, 2, 3, 4, 5};
    const uint8_t verdict = 1;
    append_packet(out, {.interface = 1,
                        .time_ns = 0x1122334455667788,
                        .bytes = packet,
                        .wire_bytes = 60,
                        .outbound = false,
                        .packet_id = 7,
                        .queue = 3,
                        .verdict = &verdict,
                        .comment = "hi"});
    EXPECT_EQ(hex(out),
              "06000000 60000000 01000000 44332211 88776655 05000000 3c000000 01020304 05000000 "
              "01000200 68690000 02000400 01000000 05000800 07000000 00000000 06000400 03000000 "
              "07000900 02010000 00000000 00000000 00000000 60000000 ");
}

TEST(Pcapng, APacketThatNoProgramJudgedHasNoVerdict) {
    Bytes out;
    append_packet(out, {.outbound = true});
    EXPECT_EQ(hex(out),
              "06000000 40000000 00000000 00000000 00000000 00000000 00000000 "
              "02000400 02000000 05000800 00000000 00000000 06000400 00000000 00000000 40000000 ");
}

TEST(Pcapng, StatisticsSayWhatWasChosenAndWhatIsMissing) {
    Bytes out;
    append_statistics(out,
                      {.interface = 2, .begin_ns = 1, .end_ns = 2, .accepted = 10, .dropped = 4});
    EXPECT_EQ(hex(out),
              "05000000 58000000 02000000 00000000 02000000 "
              "02000800 00000000 01000000 03000800 00000000 02000000 "
              "06000800 0a000000 00000000 07000800 04000000 00000000 08000800 06000000 00000000 "
              "00000000 58000000 ");
}

TEST(Pcapng, ATextThatIsTooLongForAnOptionIsCut) {
    Bytes out;
    append_interface(out, {.name = "x", .description = "", .filter = std::string(70'000, 'a')});
    // Head, name, resolution, the longest option there is with its padding, end, length.
    EXPECT_EQ(out.size(), 16u + 8 + 8 + 4 + 65'536 + 4 + 4);
}

}  // namespace
}  // namespace weir::dataplane::capture
