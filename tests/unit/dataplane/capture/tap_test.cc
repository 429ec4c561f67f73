#include "dataplane/capture/tap.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/dataplane/capture/tap_fixture.h"

namespace weir::dataplane::capture {
namespace {

using api::CaptureHook;
using api::CapturePoint;

constexpr uint8_t kReason = 5;
const Bytes kFrame = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

TEST_F(TapTest, GivesNothingToDoWhileNoCaptureRuns) {
    EXPECT_EQ(tap_.enter_round(1), nullptr);
    open({});
    tap_.publish(nullptr);
    EXPECT_EQ(tap_.enter_round(2), nullptr);
}

TEST_F(TapTest, ARecordHasTheBytesAsReceivedAndWhatBecameOfThem) {
    Lane& lane = open({});
    Bytes frame = kFrame;
    tap_.begin_burst(2, 9, kNone);
    tap_.received(&frame, view(frame));
    frame[0] = 99;  // the program writes
    tap_.judged(0, vm::XDP_DROP, Hook::Ingress, "firewall");
    tap_.dropped(&frame, kReason, 2, view(frame));
    tap_.end_burst();
    const std::vector<Seen> seen = take(lane);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].bytes, kFrame);
    EXPECT_EQ(seen[0].program, "firewall");
    const RecordHeader& header = seen[0].header;
    EXPECT_EQ(header.verdict, vm::XDP_DROP);
    EXPECT_EQ(header.reason, kReason);
    EXPECT_EQ(header.generation, 7u);
    EXPECT_EQ(header.worker, 3u);
    EXPECT_EQ(header.in_port, 2u);
    EXPECT_EQ(header.out_port, kNone);
    EXPECT_EQ(header.queue, 9u);
    EXPECT_EQ(header.wire_bytes, kFrame.size());
}

TEST_F(TapTest, ARecordOfWhatLeavesHasTheBytesAsTheyLeave) {
    Lane& lane = open({.point = CapturePoint::After});
    Bytes frame = kFrame;
    tap_.begin_burst(0, 0, kNone);
    tap_.received(&frame, view(frame));
    tap_.judged(0, vm::XDP_TX, Hook::Ingress, "turn");
    frame[0] = 99;
    tap_.leaves(&frame, 0, view(frame));
    tap_.end_burst();
    const std::vector<Seen> seen = take(lane);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].bytes, frame);
    EXPECT_EQ(seen[0].header.point, Point::After);
    EXPECT_EQ(seen[0].header.verdict, vm::XDP_TX);
    EXPECT_EQ(seen[0].header.out_port, 0u);
}

TEST_F(TapTest, WhatIsDroppedDoesNotLeave) {
    Lane& lane = open({.point = CapturePoint::After});
    drop_one(kFrame, vm::XDP_DROP, kReason, "firewall");
    EXPECT_TRUE(take(lane).empty());
}

TEST_F(TapTest, BothGivesTwoRecordsOfOnePacketThatTheFilterChoseAsItWasReceived) {
    Selection selection{.point = CapturePoint::Both};
    selection.filter = std::make_shared<TestFilter>([](ByteSpan bytes) { return bytes[0] == 1; });
    Lane& lane = open(selection);
    Bytes chosen = kFrame, other = kFrame;
    other[0] = 2;
    for (Bytes* frame : {&chosen, &other}) {
        tap_.begin_burst(0, 0, kNone);
        tap_.received(frame, view(*frame));
        tap_.judged(0, vm::XDP_PASS, Hook::Ingress, "p");
        (*frame)[0] = static_cast<uint8_t>(3 - (*frame)[0]);
        tap_.leaves(frame, 1, view(*frame));
        tap_.end_burst();
    }
    const std::vector<Seen> seen = take(lane);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].bytes[0], 1);
    EXPECT_EQ(seen[1].bytes[0], 2);
    EXPECT_EQ(seen[0].header.packet_id, seen[1].header.packet_id);
    EXPECT_EQ(lane.counts().matched, 2u);
}

TEST_F(TapTest, EachSelectionTakesItsPacketsAlone) {
    Lane& dropped = open({.verdicts = 1u << vm::XDP_DROP});
    Lane& of_reason = open({.reasons = uint64_t{1} << kReason});
    Lane& of_program = open({.program = "b"});
    Lane& of_port = open({.ports = uint64_t{1} << 1});
    Lane& refused_on_the_way_out = open({.hook = CaptureHook::Egress});
    drop_one(kFrame, vm::XDP_DROP, kReason, "a");
    drop_one(kFrame, vm::XDP_PASS, kReason, "a");  // at a port that passes nothing
    send_one(kFrame, vm::XDP_PASS, "b");
    tap_.begin_burst(1, 0, kNone);
    tap_.received(&kFrame, view(kFrame));
    tap_.judged(0, vm::XDP_PASS, Hook::Ingress, "b");
    tap_.judged(0, vm::XDP_DROP, Hook::Egress, "c");
    tap_.dropped(&kFrame, kReason + 1, 0, view(kFrame));
    tap_.end_burst();
    EXPECT_EQ(take(dropped).size(), 2u);
    EXPECT_EQ(take(of_reason).size(), 2u);
    EXPECT_EQ(take(of_program).size(), 1u);
    EXPECT_EQ(take(of_port).size(), 1u);
    const std::vector<Seen> refused = take(refused_on_the_way_out);
    ASSERT_EQ(refused.size(), 1u);
    EXPECT_EQ(refused[0].program, "c");
}

TEST_F(TapTest, APacketOfNoProgramHasNoVerdict) {
    Lane& all = open({});
    Lane& judged = open({.verdicts = 0x1f});
    tap_.begin_burst(0, 0, kNone);
    tap_.received(&kFrame, view(kFrame));
    tap_.all_dropped(kReason);
    tap_.end_burst();
    const std::vector<Seen> seen = take(all);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].header.verdict, kNone);
    EXPECT_EQ(seen[0].header.reason, kReason);
    EXPECT_TRUE(take(judged).empty());
}

TEST_F(TapTest, WhatIsNotAdmittedHasARecordOfItsOwn) {
    Lane& lane = open({});
    const Bytes runt = {1, 2, 3};
    tap_.polled(9);
    tap_.dropped(&runt, kReason, 2, view(runt));
    const std::vector<Seen> seen = take(lane);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].bytes, runt);
    EXPECT_EQ(seen[0].header.in_port, 2u);
    EXPECT_EQ(seen[0].header.queue, 9u);
    EXPECT_EQ(seen[0].header.generation, 7u);
}

TEST_F(TapTest, ATransmitBufferThatGivesUpInTheSameBurstCompletesTheRecord) {
    Lane& lane = open({});
    tap_.begin_burst(0, 0, kNone);
    tap_.received(&kFrame, view(kFrame));
    tap_.leaves(&kFrame, 1, view(kFrame));
    tap_.not_sent(&kFrame, kReason, 1, view(kFrame));
    tap_.end_burst();
    const std::vector<Seen> seen = take(lane);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].header.reason, kReason);
    EXPECT_EQ(seen[0].header.out_port, 1u);
}

TEST_F(TapTest, ATransmitBufferThatGivesUpLaterMakesARecordForWhoAsksForIt) {
    Lane& before = open({});
    Lane& of_reason = open({.reasons = uint64_t{1} << kReason});
    Lane& after = open({.point = CapturePoint::After});
    send_one(kFrame, vm::XDP_PASS, "p");
    tap_.not_sent(&kFrame, kReason, 1, view(kFrame));
    EXPECT_EQ(take(before).size(), 1u);
    const std::vector<Seen> dropped = take(of_reason);
    ASSERT_EQ(dropped.size(), 1u);
    EXPECT_EQ(dropped[0].header.point, Point::After);
    EXPECT_EQ(dropped[0].header.out_port, 1u);
    ASSERT_EQ(take(after).size(), 2u);
}

TEST_F(TapTest, WhatCameInNoBurstHasAnIdAndNoWayInOfItsOwn) {
    Lane& lane = open({.point = CapturePoint::After});
    tap_.begin_burst(2, 9, kNone);
    tap_.received(&kFrame, view(kFrame));
    tap_.judged(0, vm::XDP_PASS, Hook::Ingress, "p");
    const Bytes copy = kFrame, stranger = kFrame, another = kFrame;
    tap_.leaves(&copy, 1, view(copy));
    tap_.leaves(&kFrame, 1, view(kFrame));
    tap_.end_burst();
    tap_.leaves(&stranger, 1, view(stranger));
    tap_.leaves(&another, 1, view(another));
    const std::vector<Seen> seen = take(lane);
    ASSERT_EQ(seen.size(), 4u);
    std::set<uint64_t> ids;
    for (const Seen& record : seen) ids.insert(record.header.packet_id);
    EXPECT_EQ(ids.size(), seen.size());
    EXPECT_EQ(seen[0].header.in_port, 2u);  // the copy of a burst's packet came with it
    for (size_t i : {2u, 3u}) {
        EXPECT_EQ(seen[i].header.in_port, kNone);
        EXPECT_EQ(seen[i].header.queue, 0u);
    }
}

TEST_F(TapTest, CutsAtTheSnapLengthAcrossBuffers) {
    Lane& lane = open({.snap_bytes = 20});
    Bytes tail(30, 9);
    const vm::Segment segment{tail.data(), 30, 0};
    const PacketBytes packet{.data = kFrame.data(),
                             .bytes = static_cast<uint32_t>(kFrame.size()),
                             .wire_bytes = static_cast<uint32_t>(kFrame.size() + 30),
                             .segments = {&segment, 1}};
    tap_.begin_burst(0, 0, kNone);
    tap_.received(&kFrame, packet);
    tap_.end_burst();
    const std::vector<Seen> seen = take(lane);
    ASSERT_EQ(seen.size(), 1u);
    Bytes expected = kFrame;
    expected.insert(expected.end(), 6, 9);
    EXPECT_EQ(seen[0].bytes, expected);
    EXPECT_EQ(seen[0].header.wire_bytes, 44u);
}

TEST_F(TapTest, SamplesEveryNthOfThoseThatItWouldTake) {
    Lane& lane = open({.verdicts = 1u << vm::XDP_DROP, .sample = 3});
    for (uint8_t i = 0; i < 20; ++i) {
        Bytes frame = kFrame;
        frame[0] = i;
        drop_one(frame, i % 2 == 0 ? vm::XDP_DROP : vm::XDP_PASS, kReason, "p");
    }
    const std::vector<Seen> seen = take(lane);
    ASSERT_EQ(seen.size(), 4u);
    for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i].bytes[0], 6 * i);
    EXPECT_EQ(lane.counts().matched, 4u);
    EXPECT_EQ(lane.counts().skipped, 6u);
}

TEST_F(TapTest, TakesNoMoreThanItsCount) {
    Lane& lane = open({}, 5);
    for (int i = 0; i < 8; ++i) drop_one(kFrame, vm::XDP_DROP, kReason, "p");
    EXPECT_EQ(take(lane).size(), 5u);
    EXPECT_EQ(lane.counts().matched, 5u);
}

TEST_F(TapTest, SkipsNothingMoreOnceItsCountIsReached) {
    Lane& lane = open({.sample = 2}, 2);
    for (int i = 0; i < 20; ++i) drop_one(kFrame, vm::XDP_DROP, kReason, "p");
    EXPECT_EQ(take(lane).size(), 2u);
    EXPECT_EQ(lane.counts().skipped, 1u);
}

TEST_F(TapTest, AFullRingRefusesAndCountsByPort) {
    Lane& lane = open({}, 100'000);
    for (int i = 0; i < 2000; ++i) drop_one(kFrame, vm::XDP_DROP, kReason, "p");
    const Counts counts = lane.counts();
    EXPECT_EQ(counts.matched, 2000u);
    EXPECT_GT(counts.refused, 0u);
    EXPECT_EQ(counts.taken, take(lane).size());
    EXPECT_EQ(counts.taken + counts.refused, counts.matched);
    EXPECT_EQ(lane.refused(0), counts.refused);
}

}  // namespace
}  // namespace weir::dataplane::capture
