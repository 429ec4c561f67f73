// One receive queue for several workers: the distributor, over net_ring.

#include <atomic>
#include <cstring>
#include <map>
#include <numeric>

#include "dataplane/distributor.h"
#include "tests/unit/dataplane/flow_frames.h"
#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/pcap_bytes.h"

namespace weir::dataplane {
namespace {

using namespace testing;

constexpr uint32_t kFlows = 64;

/// A datagram of flow `flow`, with a number behind its ports.
Frame numbered(uint32_t flow, uint32_t number) {
    const Flow ends{"10.0.0." + std::to_string(1 + flow), "192.0.2.1", 4000, 53};
    Frame frame = ethernet(ip(ends, 17, join({ports(ends), Frame(28)})));
    std::memcpy(frame.data() + 42, &flow, sizeof flow);
    std::memcpy(frame.data() + 46, &number, sizeof number);
    return frame;
}

uint32_t word_at(const vm::XdpContext& context, size_t offset) {
    uint32_t word = 0;
    std::memcpy(&word, context.data + offset, sizeof word);
    return word;
}

/// What the workers saw of each flow; a flow is one worker's.
struct Seen {
    std::atomic<uint32_t> worker[kFlows];
    std::atomic<uint32_t> next[kFlows];
    std::atomic<uint32_t> strays = 0, disorders = 0;
    std::atomic<uint32_t> by_worker[3] = {};

    Seen() {
        for (uint32_t flow = 0; flow < kFlows; ++flow) {
            worker[flow] = UINT32_MAX;
            next[flow] = 0;
        }
    }
    uint32_t look(const vm::XdpContext& context, const vm::RunEnv& env) {
        const uint32_t flow = word_at(context, 42), number = word_at(context, 46);
        uint32_t nobody = UINT32_MAX;
        if (!worker[flow].compare_exchange_strong(nobody, env.cpu) && nobody != env.cpu) ++strays;
        if (next[flow].exchange(number + 1) != number) ++disorders;
        ++by_worker[env.cpu];
        return vm::XDP_PASS;
    }
};

class Checker {
public:
    explicit Checker(const Forwarding& forwarding) : forwarding_(forwarding) {}
    /// The sum is exact and what was received never gets less.
    api::Stats check() {
        api::Stats stats = forwarding_.read_stats();
        EXPECT_EQ(unaccounted(stats.total), 0u);
        EXPECT_GE(stats.total.rx, received_);
        EXPECT_LE(stats.total.in_flight, stats.total.rx);
        received_ = stats.total.rx;
        return stats;
    }

private:
    const Forwarding& forwarding_;
    uint64_t received_ = 0;
};

void check_times(const api::Stats& stats) {
    for (const api::WorkerStats& worker : stats.workers) {
        EXPECT_GT(worker.rx_cycles, 0u);
        EXPECT_GT(worker.program_cycles, 0u);
        EXPECT_GT(worker.tx_cycles, 0u);
        EXPECT_GT(worker.idle_cycles, 0u);
        const uint64_t timed =
            std::accumulate(worker.latency.begin(), worker.latency.end(), uint64_t{0});
        EXPECT_LE(timed, worker.counters.rx);
        EXPECT_GE(timed + uint64_t{64} * kRxBurstPackets, worker.counters.rx);
    }
}

void spread_over(std::vector<uint32_t> lcores) {
    constexpr uint32_t kPackets = 60'000;
    const RunDir dir;
    const auto workers = static_cast<uint32_t>(lcores.size());
    auto forwarding =
        start(configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}}, std::move(lcores)), dir);
    ASSERT_TRUE(forwarding);
    EXPECT_TRUE(forwarding->port_infos().at(0).distributed);
    Seen seen;
    const auto look = [&](vm::XdpContext& context, vm::RunEnv& env) {
        EXPECT_EQ(context.ingress_ifindex, 1u);
        EXPECT_EQ(context.rx_queue_index, 0u);
        return seen.look(context, env);
    };
    ASSERT_TRUE(
        forwarding->publish(generation(1, {{.ingress = {entry(0, look)}, .egress = {}}, {}})));
    RingInput input("net_ring0");
    Checker checker(*forwarding);
    for (uint32_t i = 0; i < kPackets; ++i) {
        input.put_patiently(numbered(i % kFlows, i / kFlows));
        if (i % 64 == 0) checker.check();
    }
    ASSERT_TRUE(eventually([&] {
        const api::Stats stats = checker.check();
        return stats.total.rx == kPackets && stats.total.in_flight == 0;
    }));
    const api::Stats stats = checker.check();
    EXPECT_EQ(seen.strays, 0u);
    EXPECT_EQ(seen.disorders, 0u);
    EXPECT_EQ(dropped(stats.total, "distributor_full"), 0u) << "the sender of a ring waits";
    EXPECT_EQ(stats.total.rx_bytes, kPackets * numbered(0, 0).size());
    EXPECT_EQ(stats.total.verdicts.at("XDP_PASS"), kPackets);
    for (uint32_t w = 0; w < workers; ++w) {
        EXPECT_GT(seen.by_worker[w], kPackets / workers / 3) << "worker " << w;
        EXPECT_EQ(stats.workers[w].counters.rx, seen.by_worker[w]);
        uint64_t taken = 0;
        for (const api::QueueStats& queue : stats.workers[w].queues)
            if (queue.distributed) taken += queue.rx;
        EXPECT_EQ(taken, w == 0 ? 0 : uint64_t{seen.by_worker[w]});
    }
    EXPECT_EQ(stats.workers[0].queues.at(0).rx, kPackets);
    EXPECT_EQ(stats.chains.at(0).packets, kPackets);
    check_times(stats);
}

TEST(Distribution, GivesEachFlowOneOfTwoWorkersInOrder) {
    in_child([] { spread_over({0, 1}); });
}

TEST(Distribution, GivesEachFlowOneOfThreeWorkersThatShareCores) {
    in_child([] { spread_over({0, 0, 1}); });
}

TEST(Distribution, CanBeSwitchedOff) {
    in_child([] {
        const RunDir dir;
        api::Configure ports = configure({{"net_ring0", ""}}, {0, 0});
        ports.ports[0].distribution = api::Distribution::Off;
        auto forwarding = start(ports, dir);
        ASSERT_TRUE(forwarding);
        ASSERT_TRUE(forwarding->publish(
            generation(1, {{.ingress = {returning(0, vm::XDP_PASS)}, .egress = {}}})));
        RingInput input("net_ring0");
        for (uint32_t i = 0; i < kFlows; ++i) input.put_patiently(numbered(i, 0));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == kFlows; }));
        EXPECT_EQ(forwarding->read_stats().workers[0].counters.rx, kFlows);
        EXPECT_FALSE(forwarding->port_infos().at(0).distributed);
    });
}

/// While a worker is held up, its packets wait in the ring and in the device behind it; after a
/// second the other worker gets on, and what the ring has no room for is dropped by name.
TEST(Distribution, DropsByNameWhatAStuckWorkerTakesNot) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}, {0, 1}), dir);
        ASSERT_TRUE(forwarding);
        std::atomic<bool> hold{true};
        std::atomic<uint32_t> kept{0};
        const auto wait = [&](vm::XdpContext&, vm::RunEnv& env) -> uint32_t {
            while (env.cpu == 1 && hold) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            if (env.cpu == 0) ++kept;
            return vm::XDP_PASS;
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, wait)}, .egress = {}}})));
        RingInput input("net_ring0");
        Checker checker(*forwarding);
        uint64_t put = 0;
        ASSERT_TRUE(eventually([&] {
            for (uint32_t flow = 0; flow < kFlows; ++flow) put += input.put(numbered(flow, 0));
            return dropped(checker.check().total, "distributor_full") > 100;
        }));
        const uint32_t before = kept;
        ASSERT_TRUE(eventually([&] {
            for (uint32_t flow = 0; flow < kFlows; ++flow) put += input.put(numbered(flow, 0));
            return kept > before + 1000;
        })) << "the other worker gets on";
        EXPECT_GE(checker.check().total.in_flight, kDistributorPackets - 64);
        hold = false;
        ASSERT_TRUE(eventually([&] {
            const api::Stats stats = checker.check();
            return stats.total.rx == put && stats.total.in_flight == 0;
        }));
    });
}

TEST(Distribution, LosesNothingOfACapture) {
    in_child([] {
        constexpr uint32_t kPackets = 20'000;
        const RunDir dir;
        const std::string in = dir.path() + "/in.pcap";
        std::vector<Frame> frames;
        for (uint32_t i = 0; i < kPackets; ++i) frames.push_back(numbered(i % kFlows, i / kFlows));
        write_pcap(in, frames);
        auto forwarding = start(configure({{"net_pcap0,rx_pcap=" + in, ""}}, {0, 0}), dir);
        ASSERT_TRUE(forwarding);
        Seen seen;
        const auto look = [&](vm::XdpContext& context, vm::RunEnv& env) {
            return seen.look(context, env);
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, look)}, .egress = {}}})));
        Checker checker(*forwarding);
        ASSERT_TRUE(
            eventually([&] { return dropped(checker.check().total, "pass_drop") == kPackets; }));
        EXPECT_EQ(seen.strays, 0u);
        EXPECT_EQ(seen.disorders, 0u);
        EXPECT_GT(seen.by_worker[1], kPackets / 4);
    });
}

}  // namespace
}  // namespace weir::dataplane
