// XDP_REDIRECT by maps.
#include <atomic>
#include <cstring>
#include <mutex>

#include "dataplane/bound_program.h"
#include "dataplane/packet_trace.h"
#include "tests/unit/dataplane/redirects_fixture.h"

namespace weir::dataplane {
namespace {

using namespace testing;

TEST(ForwardingRedirects, GoesByTheEntryOfEachPacket) {
    for (const bool by_packet : {false, true}) {
        in_child([by_packet] {
            const auto map = make_devmap(8);
            set(*map, 0, 2);
            set(*map, 1, 3);
            set(*map, 2, 77);
            const RunDir dir;
            auto forwarding = start(
                configure(
                    {{"net_ring0", ""}, {"net_null1,no-rx=1", ""}, {"net_null2,no-rx=1", ""}}),
                dir);
            ASSERT_TRUE(forwarding);
            const auto judge = [&](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
                const uint32_t number = number_of(context);
                if (number == 9) {  // a number that only looks like a map
                    env.redirect_ifindex = vm::kRedirectByMap;
                    env.redirect_to.map = nullptr;
                    return vm::XDP_REDIRECT;
                }
                const uint32_t verdict = by_map(env, *map, number % 4);
                return number >= 100 ? static_cast<uint32_t>(vm::XDP_DROP) : verdict;
            };
            ASSERT_TRUE(forwarding->publish(
                generation(1, {{.ingress = chain_of(by_packet, judge), .egress = {}}, {}, {}})));
            RingInput input("net_ring0");
            // 0, 4, 8 to p1; 1, 5 to p2; 2, 6 to no port; 3, 7 to no entry.
            for (uint32_t number = 0; number < 10; ++number) input.put_patiently(numbered(number));
            for (uint32_t number = 100; number < 105; ++number)
                input.put_patiently(numbered(number));
            const api::Stats stats = settled(*forwarding, 15);
            EXPECT_EQ(stats.ports.at("p1").tx, 3u);
            EXPECT_EQ(stats.ports.at("p2").tx, 2u);
            EXPECT_EQ(dropped(stats.ports.at("p0"), "redirect_unknown_port"), 3u);
            EXPECT_EQ(dropped(stats.ports.at("p0"), "redirect_nowhere"), 2u);
            EXPECT_EQ(dropped(stats.ports.at("p0"), "xdp_drop"), 5u);
            EXPECT_EQ(forwarding->program_counters(0).runs, 15u);
            EXPECT_EQ(forwarding->program_counters(0).verdicts[vm::XDP_REDIRECT], 10u);
            EXPECT_EQ(stats.ports.at("p0").verdicts.at("XDP_REDIRECT"), 10u);
        });
    }
}

TEST(ForwardingRedirects, RunsTheEntrysProgramAndThenTheEgressChain) {
    in_child([] {
        const auto map = make_devmap(1);
        const LambdaProgram behind([](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            EXPECT_EQ(context.egress_ifindex, 2u);
            EXPECT_EQ(context.ingress_ifindex, 1u);
            EXPECT_EQ(context.data - context.data_meta, 4);
            EXPECT_EQ(context.data_meta[0], 0x5a);
            switch (number_of(context)) {
                case 0: return vm::XDP_DROP;
                case 1: return vm::XDP_TX;
                case 2: return vm::XDP_REDIRECT;
                case 3: return 17;
                case 4: return vm::XDP_ABORTED;
                default: return vm::XDP_PASS;
            }
        });
        const BoundProgram bound(behind, 7);
        set(*map, 0, 2, &bound);
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}, {"net_null1,no-rx=1", ""}}), dir);
        ASSERT_TRUE(forwarding);
        const auto judge = [&](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
            EXPECT_EQ(context.egress_ifindex, 0u);
            context.data_meta -= 4;
            std::memset(context.data_meta, 0x5a, 4);
            return by_map(env, *map, 0);
        };
        std::atomic<uint32_t> left{0};
        const auto egress = [&](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            ++left;
            return number_of(context) == 5 ? vm::XDP_DROP : vm::XDP_PASS;
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, judge)}, .egress = {}},
                                               {.ingress = {}, .egress = {entry(3, egress)}}})));
        RingInput input("net_ring0");
        for (uint32_t number = 0; number < 8; ++number) input.put_patiently(numbered(number));
        const api::Stats stats = settled(*forwarding, 8);
        EXPECT_EQ(forwarding->program_counters(7).runs, 8u);
        EXPECT_EQ(forwarding->program_counters(7).verdicts[vm::XDP_PASS], 3u);
        EXPECT_EQ(dropped(stats.ports.at("p1"), "redirect_drop"), 1u);
        EXPECT_EQ(dropped(stats.ports.at("p1"), "redirect_aborted"), 4u);
        EXPECT_EQ(dropped(stats.ports.at("p1"), "egress_drop"), 1u);
        EXPECT_EQ(left, 3u);
        EXPECT_EQ(stats.ports.at("p1").tx, 2u);
    });
}

/// Every destination gets bytes of its own, which its program may change.
TEST(ForwardingRedirects, BroadcastsCopiesToAllPortsButWhereItCameFrom) {
    in_child([] {
        const auto map = make_devmap(4);
        std::mutex mutex;
        std::vector<uint8_t> seen;
        const LambdaProgram stamps([&](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            const std::lock_guard<std::mutex> lock(mutex);
            seen.push_back(context.data[0]);
            context.data[0] = 0xee;
            return vm::XDP_PASS;
        });
        const BoundProgram bound(stamps, 7);
        for (uint32_t key = 0; key < 3; ++key) set(*map, key, key + 1, &bound);
        const RunDir dir;
        auto forwarding = start(
            configure({{"net_ring0", ""}, {"net_null1,no-rx=1", ""}, {"net_null2,no-rx=1", ""}}),
            dir);
        ASSERT_TRUE(forwarding);
        const auto judge = [&](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
            if (context.data[0] == 0xee) return vm::XDP_DROP;
            const bool everywhere = number_of(context) == 1;
            return by_map(env, *map, 0, kBroadcast | (everywhere ? 0 : kExcludeIngress));
        };
        ASSERT_TRUE(forwarding->publish(
            generation(1, {{.ingress = {entry(0, judge)}, .egress = {}}, {}, {}})));
        RingInput input("net_ring0");
        for (uint32_t number = 0; number < 3; ++number) input.put_patiently(numbered(number));
        // The one that went everywhere came in once more.
        const api::Stats stats = settled(*forwarding, 4);
        EXPECT_EQ(stats.ports.at("p1").tx, 3u);
        EXPECT_EQ(stats.ports.at("p2").tx, 3u);
        EXPECT_EQ(stats.ports.at("p0").tx, 1u);
        EXPECT_EQ(stats.total.cloned, 4u);
        EXPECT_EQ(seen, std::vector<uint8_t>(7, 0));
    });
}

TEST(ForwardingRedirects, CountsABroadcastThatReachesNobody) {
    in_child([] {
        const auto map = make_devmap(4);
        set(*map, 2, 1);
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        ASSERT_TRUE(forwarding);
        const auto judge = [&](vm::XdpContext&, vm::RunEnv& env) -> uint32_t {
            return by_map(env, *map, 0, kBroadcast | kExcludeIngress);
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, judge)}, .egress = {}}})));
        RingInput("net_ring0").put_patiently(numbered(1));
        EXPECT_EQ(dropped(settled(*forwarding, 1).total, "redirect_nowhere"), 1u);
    });
}

std::vector<PacketFate> next_fates(WorkerTrace& trace) {
    PacketTrace* made = nullptr;
    EXPECT_TRUE(eventually([&] { return (made = trace.take()) != nullptr; }));
    if (made == nullptr) return {};
    const auto noted = made->noted();
    const std::vector<PacketFate> told(noted.begin(), noted.end());
    trace.give_back(made);
    return told;
}

TEST(ForwardingRedirects, TracesWhatBecameOfEachCopyOfABroadcast) {
    in_child([] {
        const auto map = make_devmap(4);
        const LambdaProgram drops([](vm::XdpContext&, vm::RunEnv&) { return vm::XDP_DROP; });
        const BoundProgram bound(drops, 7);
        set(*map, 0, 2);
        set(*map, 1, 77);
        set(*map, 2, 3, &bound);
        set(*map, 3, 1);
        const auto workers = make_map<maps::Cpumap>(vm::MapType::Cpumap, 2);
        set(*workers, 0, 8);
        const RunDir dir;
        auto forwarding = start(
            configure({{"net_ring0", ""}, {"net_null1,no-rx=1", ""}, {"net_null2,no-rx=1", ""}}),
            dir);
        ASSERT_TRUE(forwarding);
        forwarding->connect_workers();
        const auto judge = [&](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
            if (number_of(context) == 9) return vm::XDP_DROP;
            if (number_of(context) == 1) return by_map(env, *workers, 0);
            const uint32_t verdict = by_map(env, *map, 0, kBroadcast);
            context.data[14] = 9;  // it comes in once more
            return verdict;
        };
        ASSERT_TRUE(forwarding->publish(
            generation(1, {{.ingress = {entry(0, judge)}, .egress = {}}, {}, {}})));
        auto order = std::make_shared<TraceOrder>();
        order->left = 2;
        WorkerTrace trace(order, 0);
        forwarding->arm_trace(0, &trace);
        RingInput input("net_ring0");
        using Kind = PacketFate::Kind;
        input.put_patiently(numbered(1));
        EXPECT_EQ(next_fates(trace), (std::vector<PacketFate>{{Kind::Handed, {}, 0}}));
        input.put_patiently(numbered(0));
        EXPECT_EQ(next_fates(trace),
                  (std::vector<PacketFate>{{Kind::Left, {}, 1},
                                           {Kind::Dropped, DropReason::redirect_unknown_port, 0},
                                           {Kind::Dropped, DropReason::redirect_drop, 2},
                                           {Kind::Left, {}, 0}}));
        forwarding->arm_trace(0, nullptr);
        settled(*forwarding, 3);
    });
}

TEST(ForwardingRedirects, HandsPacketsToTheWorkerOfACpumapInOrder) {
    in_child([] {
        const auto map = make_map<maps::Cpumap>(vm::MapType::Cpumap, 4);
        constexpr uint32_t kPackets = 2000;
        std::vector<uint32_t> seen;  // by one worker; read after all has arrived
        const LambdaProgram there([&](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
            EXPECT_EQ(env.cpu, 1u);
            EXPECT_EQ(context.ingress_ifindex, 1u);
            EXPECT_EQ(context.data - context.data_meta, 4);
            seen.push_back(number_of(context));
            if (number_of(context) % 4 == 1) return vm::XDP_DROP;
            if (number_of(context) % 4 == 2) return vm::XDP_TX;  // the kernel has none there
            if (number_of(context) % 4 == 3) {
                env.redirect_ifindex = 3;
                return vm::XDP_REDIRECT;
            }
            return vm::XDP_PASS;
        });
        const BoundProgram bound(there, 7);
        set(*map, 1, maps::kCpumapQueueMax, &bound);
        const RunDir dir;
        auto forwarding = start(
            configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}, {"net_null2,no-rx=1", ""}},
                      {0, 1}),
            dir);
        ASSERT_TRUE(forwarding);
        forwarding->connect_workers();
        const auto judge = [&](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
            context.data_meta -= 4;
            return by_map(env, *map, number_of(context) < kPackets ? 1 : 3);
        };
        ASSERT_TRUE(forwarding->publish(
            generation(1, {{.ingress = {entry(0, judge)}, .egress = {}}, {}, {}})));
        RingInput input("net_ring0");
        for (uint32_t number = 0; number <= kPackets; ++number)
            input.put_patiently(numbered(number));
        const api::Stats stats = settled(*forwarding, kPackets + 1);
        ASSERT_EQ(seen.size(), kPackets);
        for (uint32_t number = 0; number < kPackets; ++number) EXPECT_EQ(seen[number], number);
        EXPECT_EQ(stats.ports.at("p1").tx, kPackets / 4);
        EXPECT_EQ(stats.ports.at("p2").tx, kPackets / 4);
        EXPECT_EQ(dropped(stats.total, "redirect_drop"), kPackets / 4);
        EXPECT_EQ(dropped(stats.total, "redirect_aborted"), kPackets / 4);
        EXPECT_EQ(dropped(stats.total, "cpumap_no_worker"), 1u);
        EXPECT_EQ(forwarding->program_counters(7).runs, kPackets);
    });
}

/// The sum holds while packets are in queues, and their bound is the entry's number.
TEST(ForwardingRedirects, BoundsTheQueueOfACpumapsEntry) {
    in_child([] {
        const auto map = make_map<maps::Cpumap>(vm::MapType::Cpumap, 2);
        constexpr uint32_t kQueue = 5, kPackets = 100;
        std::atomic<bool> is_held{false}, let_go{false};
        const LambdaProgram there([&](vm::XdpContext&, vm::RunEnv&) -> uint32_t {
            is_held = true;
            while (!let_go) std::this_thread::yield();
            return vm::XDP_DROP;
        });
        const BoundProgram bound(there, 7);
        set(*map, 1, kQueue, &bound);
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}, {0, 1}), dir);
        ASSERT_TRUE(forwarding);
        forwarding->connect_workers();
        const auto judge = [&](vm::XdpContext&, vm::RunEnv& env) { return by_map(env, *map, 1); };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, judge)}, .egress = {}}})));
        RingInput input("net_ring0");
        input.put_patiently(numbered(0));
        ASSERT_TRUE(eventually([&] { return is_held.load(); }));
        for (uint32_t number = 1; number < kPackets; ++number)
            input.put_patiently(numbered(number));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == kPackets; }));
        const api::Stats held = forwarding->read_stats();
        EXPECT_EQ(unaccounted(held.total), 0u);
        EXPECT_EQ(dropped(held.total, "cpumap_full"), kPackets - 1 - kQueue);
        EXPECT_EQ(held.total.in_flight, kQueue + 1);
        let_go = true;
        EXPECT_EQ(dropped(settled(*forwarding, kPackets).total, "redirect_drop"), kQueue + 1);
    });
}

TEST(ForwardingRedirects, FreesWhatWaitsForAWorkerAtTheEnd) {
    in_child([] {
        const auto map = make_map<maps::Cpumap>(vm::MapType::Cpumap, 2);
        std::atomic<uint32_t> runs{0};
        const LambdaProgram around([&](vm::XdpContext&, vm::RunEnv& env) -> uint32_t {
            ++runs;
            return by_map(env, *map, 1 - env.cpu);  // for ever
        });
        const BoundProgram bound(around, 7);
        set(*map, 0, 100, &bound);
        set(*map, 1, 100, &bound);
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}, {0, 1}), dir);
        ASSERT_TRUE(forwarding);
        forwarding->connect_workers();
        const auto judge = [&](vm::XdpContext&, vm::RunEnv& env) { return by_map(env, *map, 1); };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, judge)}, .egress = {}}})));
        RingInput input("net_ring0");
        for (uint32_t number = 0; number < 50; ++number) input.put_patiently(numbered(number));
        ASSERT_TRUE(eventually([&] { return runs > 500; }));
        const rte_mempool* pool = rte_mempool_lookup("weir_packets");
        ASSERT_NE(pool, nullptr);
        for (int i = 0; i < 100; ++i) {
            const api::Stats stats = forwarding->read_stats();
            EXPECT_EQ(unaccounted(stats.total), 0u);
            EXPECT_LE(stats.total.in_flight, 50u);
        }
        forwarding.reset();
    });
}

}  // namespace
}  // namespace weir::dataplane
