#include "dataplane/forwarding.h"

#include <atomic>
#include <cstring>

#include "tests/unit/dataplane/forwarding_fixture.h"
#include "vm/base/limits.h"

namespace weir::dataplane {
namespace {

using namespace testing;

Frame numbered(uint32_t number, size_t length = 64) {
    Frame frame(length);
    for (size_t i = 0; i < length; ++i) frame[i] = static_cast<uint8_t>(i);
    std::memcpy(frame.data() + 14, &number, sizeof number);
    return frame;
}
uint32_t number_of(const vm::XdpContext& context) {
    uint32_t number = 0;
    std::memcpy(&number, context.data + 14, sizeof number);
    return number;
}
Frame bytes_of(const vm::XdpContext& context) {
    return {context.data, context.data_end};
}

TEST(Forwarding, GivesEachVerdictItsFate) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}}), dir);
        ASSERT_TRUE(forwarding);
        RingInput input("net_ring0");
        // A frame says by its number what becomes of it; a frame that XDP_TX brought back is
        // dropped at its second visit.
        const auto judge = [](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
            const uint32_t number = number_of(context);
            if (context.data[0] == 0xAA) return vm::XDP_DROP;
            if (number == vm::XDP_TX) context.data[0] = 0xAA;
            if (number == vm::XDP_REDIRECT) env.redirect_ifindex = 2;
            if (number == 5) env.redirect_ifindex = 77;
            return number == 5 ? static_cast<uint32_t>(vm::XDP_REDIRECT) : number;
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(3, judge)}, .egress = {}}, {}})));
        for (const uint32_t number : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 0xFFFFFFFFu})
            input.put_patiently(numbered(number));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == 9; }));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.in_flight == 0; }));
        const api::Stats stats = forwarding->read_stats();
        EXPECT_EQ(unaccounted(stats.total), 0u);
        const api::Counters& in = stats.ports.at("p0");
        EXPECT_EQ(dropped(in, "xdp_aborted"), 1u);
        EXPECT_EQ(dropped(in, "xdp_drop"), 2u);
        EXPECT_EQ(dropped(in, "invalid_verdict"), 2u);
        EXPECT_EQ(dropped(in, "redirect_unknown_port"), 1u);
        EXPECT_EQ(in.tx, 1u);
        EXPECT_EQ(stats.ports.at("p1").tx, 2u);
        EXPECT_EQ(stats.ports.at("p1").tx_bytes, 128u);
        EXPECT_EQ(in.verdicts.at("XDP_ABORTED"), 3u);
        EXPECT_EQ(in.verdicts.at("XDP_REDIRECT"), 2u);
        const ProgramCounters program = forwarding->program_counters(3);
        EXPECT_EQ(program.runs, 9u);
        EXPECT_EQ(program.verdicts[vm::XDP_DROP], 2u);
        EXPECT_EQ(program.verdicts[vm::XDP_ABORTED], 3u);
        forwarding->reset_program_counters(3);
        EXPECT_EQ(forwarding->program_counters(3).runs, 0u);
    });
}

TEST(Forwarding, FailsClosedOrOpenBeforeTheFirstGeneration) {
    in_child([] {
        const RunDir dir;
        api::Configure ports =
            configure({{"net_ring0", "p2"}, {"net_ring1", "p2"}, {"net_null2,no-rx=1", ""}});
        ports.ports[1].fail = api::FailMode::Open;
        auto forwarding = start(ports, dir);
        ASSERT_TRUE(forwarding);
        RingInput closed("net_ring0");
        RingInput open("net_ring1");
        for (uint32_t i = 0; i < 10; ++i) {
            closed.put_patiently(numbered(i));
            open.put_patiently(numbered(i));
        }
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == 20; }));
        const api::Stats stats = forwarding->read_stats();
        EXPECT_EQ(dropped(stats.ports.at("p0"), "no_generation"), 10u);
        EXPECT_EQ(stats.ports.at("p2").tx, 10u);
        EXPECT_EQ(stats.generation, 0u);
    });
}

TEST(Forwarding, RunsAChainUntilAVerdictThatIsNotPass) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}}), dir);
        ASSERT_TRUE(forwarding);
        RingInput input("net_ring0");
        const auto odd_drops = [](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            return number_of(context) % 2 ? vm::XDP_DROP : vm::XDP_PASS;
        };
        const auto egress = [](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            EXPECT_EQ(context.egress_ifindex, 2u);
            EXPECT_EQ(context.ingress_ifindex, 1u);
            return number_of(context) == 0   ? vm::XDP_DROP
                   : number_of(context) == 2 ? vm::XDP_TX
                                             : vm::XDP_PASS;
        };
        ASSERT_TRUE(forwarding->publish(
            generation(1, {{.ingress = {returning(0, vm::XDP_PASS), entry(1, odd_drops),
                                        returning(2, vm::XDP_PASS)},
                            .egress = {}},
                           {.ingress = {}, .egress = {entry(4, egress)}}})));
        for (uint32_t i = 0; i < 10; ++i) input.put_patiently(numbered(i));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == 10; }));
        const api::Stats stats = forwarding->read_stats();
        EXPECT_EQ(forwarding->program_counters(0).runs, 10u);
        EXPECT_EQ(forwarding->program_counters(2).runs, 5u);
        EXPECT_EQ(dropped(stats.ports.at("p0"), "xdp_drop"), 5u);
        EXPECT_EQ(dropped(stats.ports.at("p1"), "egress_drop"), 1u);
        EXPECT_EQ(dropped(stats.ports.at("p1"), "egress_aborted"), 1u);
        EXPECT_EQ(stats.ports.at("p1").tx, 3u);
        EXPECT_EQ(unaccounted(stats.total), 0u);
    });
}

TEST(Forwarding, ShowsNoProgramFramesShorterThanAnEthernetHeader) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        ASSERT_TRUE(forwarding);
        RingInput input("net_ring0");
        std::atomic<uint32_t> shortest{UINT32_MAX};
        const auto look = [&](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            shortest =
                std::min(shortest.load(), static_cast<uint32_t>(context.data_end - context.data));
            return vm::XDP_PASS;
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, look)}, .egress = {}}})));
        for (size_t length = 0; length < 16; ++length) input.put_patiently(Frame(length, 0xEE));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == 16; }));
        const api::Stats stats = forwarding->read_stats();
        EXPECT_EQ(dropped(stats.total, "runt"), 14u);
        EXPECT_EQ(dropped(stats.total, "pass_drop"), 2u);
        EXPECT_EQ(shortest, kFrameBytesMin);
    });
}

/// p0 changes frames, p1 (a ring whose own output is its input) shows what left.
TEST(Forwarding, WritesBackWhereAProgramMovedHeadAndTail) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", "p1"}, {"net_ring1", ""}}), dir);
        ASSERT_TRUE(forwarding);
        RingInput input("net_ring0");
        const auto change = [](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            const uint32_t number = number_of(context);
            if (number == 1) context.data += 4;
            if (number == 2) context.data_end -= 10;
            if (number == 3 || number == 4) {  // the whole headroom that XDP promises
                const size_t grow = number == 3 ? 100 : kPacketHeadroomBytes;
                EXPECT_GE(context.data - context.frame_start, static_cast<ptrdiff_t>(grow));
                context.data -= grow;
                std::memset(context.data, 0x77, grow);
            }
            if (number == 5) {
                EXPECT_GE(context.frame_limit - context.data_end, 500);
                std::memset(context.data_end, 0x55, 500);
                context.data_end += 500;
            }
            return vm::XDP_PASS;
        };
        std::vector<Frame> seen;  // written by the worker, read after all has arrived
        const auto keep = [&](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            seen.push_back(bytes_of(context));
            return vm::XDP_DROP;
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, change)}, .egress = {}},
                                               {.ingress = {entry(1, keep)}, .egress = {}}})));
        std::vector<Frame> expected;
        for (uint32_t i = 0; i < 6; ++i) {
            input.put_patiently(numbered(i));
            expected.push_back(numbered(i));
        }
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().ports.at("p1").rx == 6; }));
        expected[1].erase(expected[1].begin(), expected[1].begin() + 4);
        expected[2].resize(54);
        expected[3].insert(expected[3].begin(), 100, 0x77);
        expected[4].insert(expected[4].begin(), kPacketHeadroomBytes, 0x77);
        expected[5].resize(564, 0x55);
        EXPECT_EQ(seen, expected);
        EXPECT_EQ(forwarding->port_infos().at(1).heads_moved, 1u);  // number 4 alone
    });
}

TEST(Forwarding, DropsWhatIsTooLongForThePortItLeavesBy) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}}), dir);
        ASSERT_TRUE(forwarding);
        RingInput input("net_ring0");
        ASSERT_TRUE(forwarding->publish(generation(1, {{}, {}})));
        input.put_patiently(numbered(0, 1522));
        input.put_patiently(numbered(1, 1523));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == 2; }));
        const api::Stats stats = forwarding->read_stats();
        EXPECT_EQ(stats.ports.at("p1").tx, 1u);
        EXPECT_EQ(dropped(stats.ports.at("p1"), "exceeds_mtu"), 1u);
    });
}

TEST(Forwarding, KeepsCountersExactUnderLoad) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_null0", "p1"}, {"net_null1", "p0"}}), dir);
        ASSERT_TRUE(forwarding);
        const auto mix = [count = std::make_shared<std::atomic<uint32_t>>(0)](
                             vm::XdpContext&, vm::RunEnv&) -> uint32_t { return (*count)++ % 6; };
        const PortChains chains{.ingress = {entry(0, mix)}, .egress = {}};
        ASSERT_TRUE(forwarding->publish(generation(1, {chains, chains})));
        uint64_t last_rx = 0;
        for (int i = 0; i < 3000; ++i) {
            const api::Stats stats = forwarding->read_stats();
            ASSERT_EQ(unaccounted(stats.total), 0u);
            ASSERT_GE(stats.total.rx, last_rx);
            ASSERT_LE(stats.total.in_flight, 2u * 256u);
            last_rx = stats.total.rx;
        }
        EXPECT_TRUE(eventually([&] { return forwarding->read_stats().total.rx > 100'000; }));
    });
}

TEST(Forwarding, SwapsUnderNumberedTrafficWithoutLoss) {
    in_child([] {
        constexpr uint32_t kPackets = 2'000'000;
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", "p1"}, {"net_ring1", ""}}), dir);
        ASSERT_TRUE(forwarding);
        std::atomic<uint32_t> next{0}, disorder{0}, backwards{0};
        uint64_t last_stamp = 0;  // the worker's own
        const auto check = entry(1, [&](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            uint64_t stamp = 0;
            std::memcpy(&stamp, context.data + 20, sizeof stamp);
            if (number_of(context) != next++) ++disorder;
            if (stamp < last_stamp) ++backwards;
            last_stamp = stamp;
            return vm::XDP_DROP;
        });
        const auto stamping = [&](uint64_t number) {
            return generation(
                number,
                {{.ingress = {entry(0,
                                    [number](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
                                        std::memcpy(context.data + 20, &number, sizeof number);
                                        return vm::XDP_PASS;
                                    })},
                  .egress = {}},
                 {.ingress = {check}, .egress = {}}});
        };
        ASSERT_TRUE(forwarding->publish(stamping(1)));
        std::thread source([&] {
            RingInput input("net_ring0");
            for (uint32_t i = 0; i < kPackets; ++i) input.put_patiently(numbered(i));
        });
        uint64_t number = 1;
        while (next < kPackets / 2 || number < 100)
            ASSERT_TRUE(forwarding->publish(stamping(++number)));
        source.join();
        EXPECT_TRUE(eventually([&] { return next == kPackets; })) << next;
        EXPECT_EQ(disorder, 0u);
        EXPECT_EQ(backwards, 0u);
        EXPECT_EQ(forwarding->program_counters(1).runs, kPackets);
        EXPECT_EQ(forwarding->read_stats().workers.at(0).generation, number);
    });
}

TEST(Forwarding, GivesProgramsTheRoutesOfTheirGeneration) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        ASSERT_TRUE(forwarding);
        RingInput input("net_ring0");
        const std::vector<vm::Interface> ports = forwarding->interfaces();
        ASSERT_EQ(ports.size(), 1u);
        EXPECT_EQ(ports[0].ifindex, 1u);
        EXPECT_EQ(ports[0].mtu, 1500u);
        // Drops once there is a route to 10.0.0.1, and passes before.
        const auto routed = [](vm::XdpContext&, vm::RunEnv& env) -> uint32_t {
            const uint8_t address[] = {10, 0, 0, 1};
            EXPECT_EQ(env.fib->interface_at(1)->mtu, 1500u);
            return env.fib->route(vm::IpAddress::v4(address), 0) == nullptr ? vm::XDP_PASS
                                                                            : vm::XDP_DROP;
        };
        const uint8_t network[] = {10, 0, 0, 0};
        const vm::Route route{
            .destination = vm::IpAddress::v4(network), .prefix_bits = 8, .ifindex = 1};
        for (uint64_t number = 1; number <= 2; ++number) {
            auto next = generation(number, {{.ingress = {entry(0, routed)}, .egress = {}}});
            vm::FibSpec spec{.interfaces = ports};
            if (number == 2) spec.routes.push_back(route);
            next->fib = std::move(*vm::Fib::build(std::move(spec)));
            ASSERT_TRUE(forwarding->publish(std::move(next)));
            input.put_patiently(numbered(0));
            ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == number; }));
            EXPECT_EQ(dropped(forwarding->read_stats().total, "xdp_drop"), number - 1);
        }
    });
}

TEST(Forwarding, RunsATaskOnAWorkerBetweenRoundsOrNotAtAll) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        ASSERT_TRUE(forwarding);
        std::thread::id ran_on;
        EXPECT_TRUE(forwarding->run_on_worker([&] { ran_on = std::this_thread::get_id(); }));
        EXPECT_NE(ran_on, std::this_thread::get_id());
        EXPECT_NE(ran_on, std::thread::id());

        std::atomic<bool> is_held{false}, let_go{false};
        const auto hold = [&](vm::XdpContext&, vm::RunEnv&) -> uint32_t {
            is_held = true;
            while (!let_go) std::this_thread::yield();
            return vm::XDP_DROP;
        };
        ASSERT_TRUE(
            forwarding->publish(generation(1, {{.ingress = {entry(0, hold)}, .egress = {}}})));
        RingInput("net_ring0").put_patiently(numbered(1));
        ASSERT_TRUE(eventually([&] { return is_held.load(); }));
        bool late = false;
        const auto refused = forwarding->run_on_worker([&] { late = true; });
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().message, "worker 0 did not come to rest within 1000 ms");
        let_go = true;
        bool again = false;
        EXPECT_TRUE(forwarding->run_on_worker([&] { again = true; }));
        EXPECT_TRUE(again);
        EXPECT_FALSE(late) << "what was given up must not happen later";
    });
}

TEST(Forwarding, RefusesGenerationsThatDoNotFit) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_null0", ""}}), dir);
        ASSERT_TRUE(forwarding);
        ASSERT_TRUE(forwarding->publish(generation(5, {{}})));
        EXPECT_FALSE(forwarding->publish(generation(5, {{}})));
        EXPECT_FALSE(forwarding->publish(generation(6, {{}, {}})));
        EXPECT_EQ(forwarding->generation_number(), 5u);
    });
}

}  // namespace
}  // namespace weir::dataplane
