// The exits at which programs aborted: none is lost where more of them come than the log holds.
#include <atomic>

#include "tests/unit/dataplane/redirects_fixture.h"

namespace weir::dataplane {
namespace {

using namespace testing;

TEST(ForwardingAborts, CountByProgramAndExit) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        ASSERT_TRUE(forwarding);
        const auto judge = [&](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
            vm::note_abort(env.aborts, 5, number_of(context) % 3);  // as engines do
            return vm::XDP_ABORTED;
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(5, judge)}, .egress = {}}})));
        RingInput input("net_ring0");
        for (uint32_t number = 0; number < 100; ++number) input.put_patiently(numbered(number));
        settled(*forwarding, 100);
        const std::vector<api::AbortedAt> aborted = forwarding->program_counters(5).aborted;
        ASSERT_EQ(aborted.size(), 3u);
        EXPECT_EQ(aborted[0].count, 34u);
        EXPECT_EQ(aborted[2].insn, 2u);
        EXPECT_EQ(aborted[2].count, 33u);
        forwarding->reset_program_counters(5);
        EXPECT_TRUE(forwarding->program_counters(5).aborted.empty());
    });
}

/// More exits than one burst has packets: each copy of a broadcast may end in one.
TEST(ForwardingAborts, CountOfABroadcastAndOfTheRestOfItsBurst) {
    in_child([] {
        constexpr uint32_t kCopies = 32;
        const auto map = make_devmap(kCopies);
        for (uint32_t key = 0; key < kCopies; ++key) set(*map, key, 2);
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}, {"net_null1,no-rx=1", ""}}), dir);
        ASSERT_TRUE(forwarding);
        std::atomic<bool> is_held{false}, let_go{false};
        const auto judge = [&](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
            if (number_of(context) == 0) {
                is_held = true;
                while (!let_go) std::this_thread::yield();
                return vm::XDP_DROP;
            }
            if (number_of(context) == 1) return by_map(env, *map, 0, kBroadcast);
            vm::note_abort(env.aborts, 5, 1);
            return vm::XDP_ABORTED;
        };
        const auto refuse = [](vm::XdpContext&, vm::RunEnv& env) -> uint32_t {
            vm::note_abort(env.aborts, 6, 2);
            return vm::XDP_ABORTED;
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = chain_of(true, judge), .egress = {}},
                                               {.ingress = {}, .egress = {entry(6, refuse)}}})));
        RingInput input("net_ring0");
        input.put_patiently(numbered(0));
        ASSERT_TRUE(eventually([&] { return is_held.load(); }));
        for (uint32_t number = 1; number <= kRxBurstPackets; ++number)
            input.put_patiently(numbered(number));
        let_go = true;
        settled(*forwarding, 1 + kRxBurstPackets);
        const auto aborted = [&](uint32_t program) {
            const std::vector<api::AbortedAt> exits = forwarding->program_counters(program).aborted;
            return exits.size() == 1 ? exits[0].count : 0;
        };
        EXPECT_EQ(aborted(6), kCopies);
        EXPECT_EQ(aborted(5), kRxBurstPackets - 1);
    });
}

/// As many packets as a burst has from each of two workers, all of which abort on one of them
/// before it comes to anything else.
TEST(ForwardingAborts, CountOfAllThatSeveralWorkersHandOverInOneRound) {
    in_child([] {
        constexpr uint32_t kTaker = 1;
        const auto map = make_map<maps::Cpumap>(vm::MapType::Cpumap, 2);
        const LambdaProgram refuses([kTaker](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
            EXPECT_EQ(env.cpu, kTaker);
            vm::note_abort(env.aborts, 7, context.rx_queue_index);  // as engines do
            return vm::XDP_ABORTED;
        });
        const BoundProgram bound(refuses, 7);
        set(*map, kTaker, maps::kCpumapQueueMax, &bound);
        const RunDir dir;
        api::Configure ports = configure({{"net_ring0", ""}}, {0, 1});
        ports.ports[0].queues = 2;
        auto forwarding = start(ports, dir);
        ASSERT_TRUE(forwarding);
        forwarding->connect_workers();
        std::atomic<bool> is_held{false}, let_go{false};
        std::atomic<uint32_t> handed{0};
        const auto judge = [&](vm::XdpContext&, vm::RunEnv& env) -> uint32_t {
            if (env.cpu == kTaker && !is_held.exchange(true))
                while (!let_go) std::this_thread::yield();
            ++handed;
            return by_map(env, *map, kTaker);
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = chain_of(true, judge), .egress = {}}})));
        const std::vector<Frame> burst(kRxBurstPackets, numbered(1));
        RingInput others("net_ring0", 0), own("net_ring0", kTaker);
        ASSERT_TRUE(own.put_burst(burst));
        ASSERT_TRUE(eventually([&] { return is_held.load(); }));
        ASSERT_TRUE(others.put_burst(burst));
        ASSERT_TRUE(eventually([&] {
            return handed == kRxBurstPackets &&
                   forwarding->read_stats().total.in_flight == kRxBurstPackets;
        }));
        let_go = true;
        const api::Stats stats = settled(*forwarding, 2 * kRxBurstPackets);
        EXPECT_EQ(dropped(stats.total, "redirect_aborted"), 2 * kRxBurstPackets);
        const std::vector<api::AbortedAt> exits = forwarding->program_counters(7).aborted;
        ASSERT_EQ(exits.size(), 2u);
        for (const api::AbortedAt& exit : exits) EXPECT_EQ(exit.count, kRxBurstPackets);
    });
}

}  // namespace
}  // namespace weir::dataplane
