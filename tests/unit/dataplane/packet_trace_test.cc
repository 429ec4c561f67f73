#include "dataplane/packet_trace.h"

#include <algorithm>
#include <thread>

#include "maps/maps.h"
#include "tests/unit/dataplane/fixtures.h"
#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/full_device.h"
#include "tests/unit/dataplane/redirects_fixture.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane::testing {
namespace {

/// A node with one port whose program counts in a map and drops.
class CountingNode {
public:
    CountingNode() {
        node = start(configure({{"net_ring0", ""}}), dir_);
        map = maps::create_map(testing_map("counts", vm::MapType::Array, 1), 1).value();
        vm::ProgramSpec spec = testing_counter(vm::XDP_DROP, map->spec());
        const auto proof = vm::verify(spec);
        verified_ =
            std::make_shared<const vm::VerifiedProgram>(vm::accept(spec, proof.value()).value());
        vm::Map* const maps[] = {map.get()};
        program = jit::compile(verified_, maps, maps::all_helpers(), jit::Engine::kJit).value();
        std::vector<PortChains> ports(1);
        ports[0].ingress = {{.program = program, .slot = 0}};
        EXPECT_TRUE(node->publish(generation(1, std::move(ports))));
        input.emplace("net_ring0");
    }
    void send(uint32_t packets) {
        for (uint32_t i = 0; i < packets; ++i) input->put_patiently(Frame(60, uint8_t(i)));
        sent += packets;
        EXPECT_TRUE(eventually([&] { return node->read_stats().total.rx == sent; }));
        EXPECT_EQ(dropped(node->read_stats().total, "xdp_drop"), sent);
        EXPECT_EQ(node->program_counters(0).runs, sent);
        EXPECT_EQ(counted(), sent);
    }
    uint64_t counted() const {
        const uint32_t key = 0;
        uint64_t value = 0;
        map->control_lookup(reinterpret_cast<const uint8_t*>(&key),
                            {reinterpret_cast<uint8_t*>(&value), sizeof value});
        return value;
    }

private:
    RunDir dir_;
    std::shared_ptr<const vm::VerifiedProgram> verified_;

public:
    std::unique_ptr<vm::Map> map;
    std::shared_ptr<const jit::CompiledProgram> program;
    std::unique_ptr<Forwarding> node;
    std::optional<RingInput> input;
    uint64_t sent = 0;
};

std::shared_ptr<TraceOrder> order_of(uint32_t packets) {
    auto order = std::make_shared<TraceOrder>();
    order->left = packets;
    return order;
}

TEST(PacketTrace, TracesAsManyAsAskedForAndEveryPacketCountsOnce) {
    in_child([] {
        CountingNode counting;
        WorkerTrace trace(order_of(3), 0);
        counting.send(40);
        counting.node->arm_trace(0, &trace);
        counting.send(100);
        std::vector<uint64_t> counts;
        while (PacketTrace* made = trace.take()) {
            EXPECT_EQ(made->generation, 1u);
            ASSERT_EQ(made->noted().size(), 1u);
            EXPECT_EQ(made->noted()[0],
                      (PacketFate{PacketFate::Kind::Dropped, DropReason::xdp_drop, 0}));
            const vm::RunRecord& record = made->recorder.record();
            EXPECT_EQ(record.programs, std::vector{counting.program->runnable()});
            ASSERT_EQ(record.writes.size(), 1u);
            counts.push_back(record.writes[0].after);
            trace.give_back(made);
        }
        EXPECT_EQ(counts, (std::vector<uint64_t>{41, 42, 43}));
        counting.node->arm_trace(0, nullptr);
        counting.send(10);
    });
}

TEST(PacketTrace, TakesNoMoreThanItsRecordersHoldUntilTheyAreRead) {
    in_child([] {
        CountingNode counting;
        WorkerTrace trace(order_of(1000), 0);
        counting.node->arm_trace(0, &trace);
        counting.send(200);
        std::vector<PacketTrace*> taken;
        while (PacketTrace* made = trace.take()) taken.push_back(made);
        EXPECT_EQ(taken.size(), kTraceRecorders);
        EXPECT_EQ(trace.passed_over(), 200u - kTraceRecorders);
        for (PacketTrace* made : taken) trace.give_back(made);
        EXPECT_TRUE(eventually([&] {
            counting.send(1);
            return trace.take() != nullptr;
        }));
        counting.node->arm_trace(0, nullptr);
        counting.send(1);
    });
}

TEST(PacketTrace, LooksAtTheAskedPortAlone) {
    in_child([] {
        CountingNode counting;
        auto order = order_of(5);
        order->port = 7;
        WorkerTrace trace(order, 0);
        counting.node->arm_trace(0, &trace);
        counting.send(50);
        EXPECT_EQ(trace.take(), nullptr);
        EXPECT_EQ(order->left, 5u);
        counting.node->arm_trace(0, nullptr);
        counting.send(1);
    });
}

TEST(PacketTrace, HasTheDropsOfItsPacketAlone) {
    in_child([] {
        const CountingNode counting;  // starts DPDK
        constexpr uint32_t kFrameBytesMax = 1000;
        Counters counters(1, 1);
        Transmitter transmitter(
            counters, {{.port_id = start_full_device(), .frame_bytes_max = kFrameBytesMax}}, {});
        const auto send = [&](uint16_t bytes) { transmitter.send(0, packet_of(bytes)); };
        for (uint32_t i = 0; i < kTxBufferPackets; ++i) send(60);
        transmitter.flush_devices();  // some leave
        for (uint32_t i = 0; i < kFullDevicePackets; ++i) send(60);
        transmitter.flush_devices();  // none does
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        PacketTrace trace;
        trace.note({PacketFate::Kind::Left, {}, 0});
        transmitter.record(&trace);
        send(60);  // in place of those before it, which the device does not take
        EXPECT_EQ(counters.port(0).drops[static_cast<size_t>(DropReason::tx_full)],
                  kTxBufferPackets);
        const PacketFate left{PacketFate::Kind::Left, {}, 0};
        EXPECT_TRUE(std::ranges::equal(trace.noted(), std::array{left}));
        trace.note(left);
        send(kFrameBytesMax + 1);
        const PacketFate too_long{PacketFate::Kind::Dropped, DropReason::exceeds_mtu, 0};
        EXPECT_TRUE(std::ranges::equal(trace.noted(), std::array{left, too_long}));
        transmitter.record(nullptr);
        transmitter.drain();
    });
}

/// Of a pool of which no worker has any.
std::vector<rte_mbuf*> hold_all_but_one(rte_mempool* pool) {
    std::vector<rte_mbuf*> held;
    while (rte_mbuf* buffer = rte_pktmbuf_alloc(pool)) held.push_back(buffer);
    rte_pktmbuf_free(held.back());
    held.pop_back();
    return held;
}

/// The packet itself goes on to the last entry.
TEST(PacketTrace, NotesThatThereWasNoBufferForACopy) {
    in_child([] {
        const auto map = make_devmap(2);
        set(*map, 0, 2);
        set(*map, 1, 3);
        const RunDir dir;
        const auto node = start(
            configure({{"net_ring0", ""}, {"net_null1,no-rx=1", ""}, {"net_null2,no-rx=1", ""}}),
            dir);
        ASSERT_TRUE(node);
        const auto judge = [&](vm::XdpContext&, vm::RunEnv& env) {
            return by_map(env, *map, 0, kBroadcast);
        };
        ASSERT_TRUE(node->publish(generation(1, {{.ingress = {entry(0, judge)}}, {}, {}})));
        WorkerTrace trace(order_of(2), 0);
        node->arm_trace(0, &trace);
        using Kind = PacketFate::Kind;
        const PacketFate itself{Kind::Left, {}, 2};
        RingInput input("net_ring0");
        std::vector<rte_mbuf*> held;
        for (const bool is_empty : {true, false}) {
            SCOPED_TRACE(is_empty);
            const PacketFate first = is_empty
                                         ? PacketFate{Kind::Dropped, DropReason::clone_no_buffer, 0}
                                         : PacketFate{Kind::Left, {}, 1};
            if (is_empty) held = hold_all_but_one(rte_mempool_lookup("weir_packets"));
            input.put_patiently(numbered(1));
            PacketTrace* made = nullptr;
            ASSERT_TRUE(eventually([&] { return (made = trace.take()) != nullptr; }));
            EXPECT_TRUE(std::ranges::equal(made->noted(), std::array{first, itself}));
            trace.give_back(made);
            rte_pktmbuf_free_bulk(held.data(), static_cast<unsigned>(held.size()));
            held.clear();
        }
        const api::Stats stats = settled(*node, 2);
        EXPECT_EQ(stats.total.cloned, 2u);
        EXPECT_EQ(dropped(stats.ports.at("p0"), "clone_no_buffer"), 1u);
        EXPECT_EQ(stats.ports.at("p1").tx, 1u);
        EXPECT_EQ(stats.ports.at("p2").tx, 2u);
        node->arm_trace(0, nullptr);
    });
}

}  // namespace
}  // namespace weir::dataplane::testing
