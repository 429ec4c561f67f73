#include "controlplane/cli/offline_packet.h"

#include <gtest/gtest.h>

#include <numeric>

namespace weir::controlplane::cli {
namespace {

Bytes numbered(size_t size) {
    Bytes bytes(size);
    std::iota(bytes.begin(), bytes.end(), uint8_t{1});
    return bytes;
}

TEST(OfflinePacket, GivesTheRoomThatATestRunInTheKernelGives) {
    OfflinePacket packet;
    const Bytes bytes = numbered(60);
    const vm::XdpContext context = packet.load_xdp(bytes, false);
    EXPECT_EQ(packet_bytes_of(context), bytes);
    EXPECT_EQ(context.data - context.frame_start, 256 - 40);
    EXPECT_EQ(context.frame_limit - context.data, 3520);
    EXPECT_EQ(context.data_meta, context.data);
    EXPECT_EQ(context.ingress_ifindex, 1u);
    EXPECT_EQ(context.rx_queue_index, 0u);
    EXPECT_EQ(context.segment_count, 0u);
}

TEST(OfflinePacket, LeavesNothingOfThePacketBefore) {
    OfflinePacket packet;
    (void)packet.load_xdp(Bytes(1000, 0xff), false);
    const vm::XdpContext context = packet.load_xdp(numbered(20), false);
    for (const uint8_t* byte = context.data_end; byte < context.frame_limit; ++byte)
        ASSERT_EQ(*byte, 0) << byte - context.data;
}

TEST(OfflinePacket, GivesLongFramesAsFragmentsToProgramsOfXdpFragsAlone) {
    OfflinePacket packet;
    for (const size_t size : {3520u, 3521u, 7616u, 7617u, 9600u}) {
        const Bytes bytes = numbered(size);
        const vm::XdpContext whole = packet.load_xdp(bytes, false);
        EXPECT_EQ(static_cast<size_t>(whole.data_end - whole.data), size);
        EXPECT_EQ(whole.segment_count, 0u);
        EXPECT_EQ(packet_bytes_of(whole), bytes);
        const vm::XdpContext pieces = packet.load_xdp(bytes, true);
        const uint32_t expected = size <= 3520 ? 0 : size <= 3520 + 4096 ? 1 : 2;
        EXPECT_EQ(pieces.segment_count, expected) << size;
        EXPECT_EQ(pieces.data_end - pieces.data, 3520);
        EXPECT_EQ(packet_bytes_of(pieces), bytes) << size;
        for (uint32_t i = 0; i < pieces.segment_count; ++i)  // a tail grows into the last page
            EXPECT_EQ(pieces.segments[i].bytes_max, 4096u);
    }
}

TEST(OfflinePacket, ShowsAFilterWhatATapShows) {
    OfflinePacket packet;
    Bytes frame = numbered(100);
    frame[0] = 0x02;
    frame[12] = 0x86;
    frame[13] = 0xdd;
    vm::SkbContext context = packet.load_socket(frame);
    EXPECT_EQ(packet_bytes_of(context.frame), frame);
    EXPECT_EQ(context.len, 100u);
    EXPECT_EQ(context.pkt_type, 0u);
    EXPECT_EQ(context.protocol_be16, __builtin_bswap16(0x86dd));
    EXPECT_EQ(context.network_offset, 14);
    EXPECT_EQ(context.mac_offset, 0);
    std::fill(frame.begin(), frame.begin() + 6, uint8_t{0xff});
    EXPECT_EQ(packet.load_socket(frame).pkt_type, 1u) << "broadcast";
    frame[5] = 0;
    EXPECT_EQ(packet.load_socket(frame).pkt_type, 2u) << "multicast";
}

TEST(OfflinePacket, NamesFramesWithALengthAsTheKernelDoes) {
    OfflinePacket packet;
    Bytes frame(60);
    frame[13] = 46;
    EXPECT_EQ(packet.load_socket(frame).protocol_be16, __builtin_bswap16(0x0004)) << "802.2";
    frame[14] = frame[15] = 0xff;
    EXPECT_EQ(packet.load_socket(frame).protocol_be16, __builtin_bswap16(0x0001)) << "802.3";
}

TEST(OfflinePacket, ShowsAFilterFramesOfAnyLength) {
    OfflinePacket packet;
    for (const size_t size : {0u, 1u, 13u, 20'000u}) {
        const vm::SkbContext context = packet.load_socket(numbered(size));
        EXPECT_EQ(context.len, size);
        EXPECT_EQ(packet_bytes_of(context.frame), numbered(size));
    }
}

}  // namespace
}  // namespace weir::controlplane::cli
