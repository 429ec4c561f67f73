#include "dataplane/round_clock.h"

#include <gtest/gtest.h>

#include <numeric>

namespace weir::dataplane {
namespace {

constexpr uint64_t kTscHz = 2'500'000'000;  // nobody looks whether it is

uint64_t all_cycles(const TimeCounts& counts) {
    return counts.rx_cycles + counts.program_cycles + counts.tx_cycles + counts.idle_cycles;
}

void spend(uint64_t cycles) {
    const uint64_t start = rte_rdtsc();
    while (rte_rdtsc() - start < cycles) {
    }
}

/// A worker's rounds, with made-up work.
struct Rounds {
    RoundClock clock;
    TimeCounts counts;
    uint64_t packets = 0;

    void busy(uint32_t count, uint64_t rx, uint64_t program, uint64_t tx) {
        packets += count;
        if (!clock.is_due()) {
            spend(rx + program + tx);
            clock.skip(counts, true);
            return;
        }
        clock.begin();
        spend(rx);
        clock.received(0);
        spend(program);
        clock.judged();
        spend(tx);
        clock.end(counts, true, packets);
    }
    void empty(uint64_t cycles) {
        if (!clock.is_due()) {
            spend(cycles);
            clock.skip(counts, false);
            return;
        }
        clock.begin();
        spend(cycles);
        clock.end(counts, false, packets);
    }
};

TEST(RoundClock, AccountsForAllTimeAndAllPackets) {
    Rounds rounds;
    const uint64_t start = rte_rdtsc();
    rounds.clock.start(kTscHz);
    for (uint32_t i = 0; i < 50; ++i) rounds.empty(2'000);
    const uint64_t idle = rounds.counts.idle_cycles;
    EXPECT_EQ(idle, all_cycles(rounds.counts));
    EXPECT_GE(idle, 100'000u);
    for (uint32_t i = 0; i < 4 * RoundClock::kEvery + 1; ++i) rounds.busy(3, 2'000, 12'000, 2'000);
    const TimeCounts busy = rounds.counts;
    rounds.empty(2'000);  // ends the streak
    const uint64_t elapsed = rte_rdtsc() - start;
    EXPECT_LE(all_cycles(rounds.counts), elapsed);
    EXPECT_GE(all_cycles(rounds.counts), elapsed - elapsed / 10);
    const uint64_t packets =
        std::accumulate(std::begin(busy.latency), std::end(busy.latency), uint64_t{0});
    EXPECT_EQ(packets, rounds.packets);
    EXPECT_GT(busy.program_cycles, busy.rx_cycles);
    EXPECT_GT(busy.program_cycles, busy.tx_cycles);
    EXPECT_GT(busy.rx_cycles, 0u);
}

TEST(RoundClock, TimesEachRoundAfterAnEmptyOne) {
    Rounds rounds;
    rounds.clock.start(kTscHz);
    for (uint32_t i = 0; i < 20; ++i) {
        rounds.empty(500);
        EXPECT_TRUE(rounds.clock.is_due());
        rounds.busy(1, 1'000, 1'000, 1'000);
        EXPECT_FALSE(rounds.clock.is_due());
        EXPECT_EQ(std::accumulate(std::begin(rounds.counts.latency),
                                  std::end(rounds.counts.latency), uint64_t{0}),
                  i + 1);
    }
}

TEST(RoundClock, PutsLatenciesIntoPowersOfTwoOfNanoseconds) {
    RoundClock clock;
    clock.start(kTscHz);
    const auto cycles = [](double ns) {
        return static_cast<uint64_t>(ns * static_cast<double>(kTscHz) / 1e9);
    };
    EXPECT_EQ(clock.bucket_of(0), 0u);
    EXPECT_EQ(clock.bucket_of(cycles(1'100)), 10u);
    EXPECT_EQ(clock.bucket_of(cycles(2'000)), 10u);
    EXPECT_EQ(clock.bucket_of(cycles(2'100)), 11u);
    EXPECT_EQ(clock.bucket_of(UINT64_MAX), kLatencyBuckets - 1);
    // What waited in a ring before counts from its poll on.
    TimeCounts counts;
    clock.begin();
    clock.received(cycles(3'000'000));
    clock.judged();
    clock.end(counts, true, 7);
    EXPECT_EQ(std::accumulate(std::begin(counts.latency) + 21, std::end(counts.latency), 0u), 7u);
}

}  // namespace
}  // namespace weir::dataplane
