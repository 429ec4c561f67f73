// Forwarding over the devices that a first installation uses: captures, several queues and workers,
// kernel interfaces.

#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>

#include "dataplane/forwarding.h"
#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/pcap_bytes.h"

namespace weir::dataplane {
namespace {

using namespace testing;

/// Lengths from the shortest to above any Ethernet frame, each with its number in it.
std::vector<Frame> varied_frames(uint32_t count) {
    std::vector<Frame> frames;
    for (uint32_t i = 0; i < count; ++i) {
        Frame frame(18 + (i * 97) % 9000, static_cast<uint8_t>(i));
        std::memcpy(frame.data() + 14, &i, sizeof i);
        frames.push_back(std::move(frame));
    }
    return frames;
}

PortChains passing() {
    return {.ingress = {returning(0, vm::XDP_PASS)}, .egress = {}};
}

TEST(ForwardingDevices, ReplaysACaptureWholeAndUnchanged) {
    in_child([] {
        const RunDir dir;
        const std::vector<Frame> frames = varied_frames(3000);
        const std::string in = dir.path() + "/in.pcap", out = dir.path() + "/out.pcap";
        write_pcap(in, frames);
        {
            auto forwarding = start(
                configure({{"net_pcap0,rx_pcap=" + in, "p1"}, {"net_pcap1,tx_pcap=" + out, ""}}),
                dir);
            ASSERT_TRUE(forwarding);
            // The capture waits for the first generation.
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            EXPECT_EQ(forwarding->read_stats().total.rx, 0u);
            ASSERT_TRUE(forwarding->publish(generation(1, {passing(), {}})));
            EXPECT_TRUE(eventually(
                [&] { return forwarding->read_stats().ports.at("p1").tx == frames.size(); }));
            const api::Stats stats = forwarding->read_stats();
            EXPECT_EQ(stats.total.rx, frames.size());
            EXPECT_EQ(stats.ports.at("p1").tx, frames.size());
            EXPECT_EQ(unaccounted(stats.total), 0u);
        }
        EXPECT_TRUE(read_pcap(out) == frames);
        EXPECT_TRUE(std::filesystem::exists(dir.path()));
        EXPECT_FALSE(std::filesystem::exists(dir.path() + "/dpdk"));
    });
}

TEST(ForwardingDevices, CountsFramesThatFitNoBuffer) {
    in_child([] {
        const RunDir dir;
        const std::string in = dir.path() + "/in.pcap";
        write_pcap(in, {Frame(60, 1), Frame(12000, 2), Frame(60, 3)});
        auto forwarding = start(configure({{"net_pcap0,rx_pcap=" + in, ""}}), dir);
        ASSERT_TRUE(forwarding);
        ASSERT_TRUE(forwarding->publish(generation(1, {passing()})));
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().total.rx == 3; }));
        const api::Stats stats = forwarding->read_stats();
        EXPECT_EQ(dropped(stats.total, "too_long"), 1u);
        EXPECT_EQ(dropped(stats.total, "pass_drop"), 2u);
    });
}

/// A file has one transmit queue: the second worker hands its packets to the first.
TEST(ForwardingDevices, TwoWorkersShareADeviceWithOneQueue) {
    in_child([] {
        constexpr uint32_t kPackets = 100'000;
        const RunDir dir;
        const std::string out = dir.path() + "/out.pcap";
        api::Configure ports =
            configure({{"net_ring0", "p1"}, {"net_pcap1,tx_pcap=" + out, ""}}, {0, 0});
        ports.ports[0].queues = 2;
        {
            auto forwarding = start(ports, dir);
            ASSERT_TRUE(forwarding);
            EXPECT_EQ(forwarding->cpu_slots(), 2u);
            std::atomic<uint32_t> by_cpu[2] = {};
            const auto count = entry(0, [&](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
                EXPECT_EQ(context.rx_queue_index, env.cpu);
                ++by_cpu[env.cpu];
                return vm::XDP_PASS;
            });
            ASSERT_TRUE(
                forwarding->publish(generation(1, {{.ingress = {count}, .egress = {}}, {}})));
            RingInput queues[2] = {RingInput("net_ring0", 0), RingInput("net_ring0", 1)};
            for (uint32_t i = 0; i < kPackets; ++i) {
                queues[i % 2].put_patiently(Frame(64, static_cast<uint8_t>(i)));
                if (i % 256 != 0) continue;
                const api::Stats stats = forwarding->read_stats();
                ASSERT_EQ(unaccounted(stats.total), 0u);
                ASSERT_LE(stats.total.in_flight, i + 1);  // never below zero
            }
            ASSERT_TRUE(eventually([&] {
                const api::Stats stats = forwarding->read_stats();
                return stats.total.rx == kPackets && stats.total.in_flight == 0;
            }));
            const api::Stats stats = forwarding->read_stats();
            EXPECT_EQ(by_cpu[0], kPackets / 2);
            EXPECT_EQ(by_cpu[1], kPackets / 2);
            EXPECT_EQ(stats.ports.at("p1").tx + dropped(stats.total, "handover_full"), kPackets);
            EXPECT_GT(stats.ports.at("p1").tx, kPackets / 2);
            for (const api::WorkerStats& worker : stats.workers)
                EXPECT_EQ(unaccounted(worker.counters), 0u);
        }
        EXPECT_GT(read_pcap(out).size(), kPackets / 2);
    });
}

TEST(ForwardingDevices, RefusesWithTheDriversReason) {
    in_child([] {
        const RunDir dir;
        api::Configure ports = configure({{"net_null0", ""}});
        ports.ports[0].queues = 128;
        ports.memory_bytes = 32u << 20;
        ports.ports[0].mtu = 9600;
        const Result<std::unique_ptr<Forwarding>> started = Forwarding::start(ports, dir.path());
        ASSERT_FALSE(started);
        EXPECT_NE(started.error().message.find("memory.size: "), std::string::npos)
            << started.error().message;
        EXPECT_FALSE(std::filesystem::exists(dir.path() + "/dpdk"));
        const Result<std::unique_ptr<Forwarding>> again = Forwarding::start(ports, dir.path());
        ASSERT_FALSE(again);
        EXPECT_NE(again.error().message.find("EAL"), std::string::npos) << again.error().message;
    });
    in_child([] {
        const RunDir dir;
        const Result<std::unique_ptr<Forwarding>> started = Forwarding::start(
            configure({{"net_pcap0,tx_pcap=/nonexistent/out.pcap", ""}}), dir.path());
        ASSERT_FALSE(started);
        EXPECT_NE(started.error().message.find("ports.p0: device 'net_pcap0"), std::string::npos)
            << started.error().message;
        EXPECT_NE(started.error().message.find("/nonexistent/out.pcap"), std::string::npos)
            << started.error().message;
    });
}

}  // namespace
}  // namespace weir::dataplane
