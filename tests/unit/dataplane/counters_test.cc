#include "dataplane/counters.h"

#include "dataplane/accounts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace weir::dataplane {
namespace {

constexpr auto kLastReason = static_cast<DropReason>(kDropReasons - 1);

TEST(Counters, ShowsNothingBeforePublication) {
    Counters counters(2);
    counters.port(1).rx = 5;
    counters.program(7).runs = 3;
    EXPECT_EQ(counters.read_ports()[1].rx, 0u);
    counters.publish();
    EXPECT_EQ(counters.read_ports()[1].rx, 5u);
    EXPECT_EQ(counters.read_ports()[0].rx, 0u);
    EXPECT_EQ(counters.read_program(7).runs, 3u);
}

TEST(Counters, PublishesWhatEachDoorChanged) {
    Counters counters(3);
    counters.traffic(0).verdicts[2] = 4;
    counters.drop(1, DropReason::runt, 2);
    counters.port(2).heads_moved = 6;
    counters.publish();
    counters.drop(1, kLastReason, 3);
    counters.publish();
    counters.publish();
    const std::vector<PortCounts> ports = counters.read_ports();
    EXPECT_EQ(ports[0].verdicts[2], 4u);
    EXPECT_EQ(ports[1].drops[static_cast<size_t>(DropReason::runt)], 2u);
    EXPECT_EQ(ports[1].drops[kDropReasons - 1], 3u);
    EXPECT_EQ(ports[2].heads_moved, 6u);
}

TEST(Counters, AReaderNeverSeesHalfARound) {
    Counters counters(3);
    std::atomic<bool> stop{false};
    std::thread worker([&] {
        for (uint64_t round = 1; !stop; ++round) {
            counters.traffic(0).rx += 3;
            counters.port(2).tx += 2;
            counters.drop(static_cast<uint32_t>(round % 3),
                          static_cast<DropReason>(round % kDropReasons), 1);
            counters.publish();
        }
    });
    uint64_t last = 0;
    for (int i = 0; i < 20'000; ++i) {
        uint64_t rx = 0, out = 0;
        for (const PortCounts& port : counters.read_ports()) {
            rx += port.rx;
            out += port.tx;
            for (const uint64_t dropped : port.drops) out += dropped;
        }
        ASSERT_EQ(rx, out);
        ASSERT_GE(rx, last);
        last = rx;
    }
    stop = true;
    worker.join();
}

TEST(DropReasons, HaveDistinctNames) {
    for (size_t i = 0; i < kDropReasons; ++i) {
        for (size_t j = 0; j < i; ++j) EXPECT_NE(kDropReasonNames[i], kDropReasonNames[j]);
    }
    EXPECT_EQ(drop_reason_name(DropReason::tx_full), "tx_full");
}

/// Worker 0 receives two packets and hands them to worker 1 by a cpumap, which drops them; each
/// reading is of a moment at which only one of them has published.
TEST(Accounts, CountAsReceivedWhatWasTakenBeforeItsGiverPublished) {
    Counters giver(1), taker(1);
    const Accounts accounts({{&giver, {}}, {&taker, {}}}, 1);
    giver.traffic(0).rx = 2;
    giver.port(0).between_workers = 2;
    taker.port(0).between_workers -= 1;
    taker.drop(0, DropReason::redirect_drop, 1);
    taker.publish();
    const auto expect = [&](uint64_t rx, uint64_t between, uint64_t dropped) {
        const PortCounts total = accounts.read().total;
        EXPECT_EQ(total.rx, rx);
        EXPECT_EQ(total.between_workers, between);
        EXPECT_EQ(total.drops[static_cast<size_t>(DropReason::redirect_drop)], dropped);
    };
    expect(1, 0, 1);
    giver.publish();
    expect(2, 1, 1);
    taker.port(0).between_workers -= 1;
    taker.drop(0, DropReason::redirect_drop, 1);
    taker.publish();
    expect(2, 0, 2);
}

}  // namespace
}  // namespace weir::dataplane
