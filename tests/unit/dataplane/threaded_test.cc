// What several threads share and no lock guards, between real threads, for ThreadSanitizer: the
// distributor's rings, the workers' counters and their sum, generations, tasks of the control
// thread. Without EAL: rings and packets lie in memory of the test's.

#include <gtest/gtest.h>
#include <rte_ring.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>

#include "dataplane/accounts.h"
#include "dataplane/distributor.h"
#include "dataplane/worker.h"
#include "tests/unit/dataplane/flow_frames.h"

namespace weir::dataplane {
namespace {

using namespace testing;

constexpr uint32_t kRingPackets = 128;
constexpr uint32_t kFlows = 97;
constexpr uint64_t kGenerations = 50;
#ifdef __SANITIZE_THREAD__
constexpr uint64_t kRounds = 3'000;
#else
constexpr uint64_t kRounds = 60'000;
#endif

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};
using Ring = std::unique_ptr<rte_ring, Free>;

Ring make_ring() {
    const auto bytes = static_cast<size_t>(rte_ring_get_memsize(kRingPackets));
    Ring ring(static_cast<rte_ring*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, bytes)));
    EXPECT_EQ(rte_ring_init(ring.get(), "test", kRingPackets, RING_F_SP_ENQ | RING_F_SC_DEQ), 0);
    return ring;
}

/// A packet that a device has again once its reader is done with it.
struct Packet {
    rte_mbuf head{};
    Frame frame;
    uint32_t flow = 0;
    uint64_t number = 0;
    std::atomic<bool> in_use{false};  ///< release by who ends it; partner: Device::burst
};

/// A receive queue that never runs dry: packets of all flows in turn.
class Device {
public:
    Device() : packets_(4096) {
        for (size_t i = 0; i < packets_.size(); ++i) {
            Packet& packet = packets_[i];
            packet.flow = static_cast<uint32_t>(i % kFlows);
            const Flow flow{"10.0.0." + std::to_string(1 + packet.flow), "192.0.2.1", 1000, 53};
            packet.frame = ethernet(ip(flow, 17, ports(flow)));
            packet.head.buf_addr = packet.frame.data();
            packet.head.data_len = static_cast<uint16_t>(packet.frame.size());
            packet.head.pkt_len = packet.head.data_len;
            packet.head.dynfield1[0] = static_cast<uint32_t>(i);
        }
    }
    uint32_t burst(rte_mbuf** packets) {
        uint32_t count = 0;
        while (count < kRxBurstPackets) {
            Packet& packet = packets_[next_ % packets_.size()];
            if (packet.in_use.load(std::memory_order_acquire)) break;
            packet.in_use.store(true, std::memory_order_relaxed);
            packet.number = next_++;
            packets[count++] = &packet.head;
        }
        return count;
    }
    Packet& packet_of(const rte_mbuf& head) { return packets_[head.dynfield1[0]]; }

private:
    std::vector<Packet> packets_;
    uint64_t next_ = 0;
};

/// Workers of which each polls a device and shares its packets out to all.
class Node {
public:
    explicit Node(uint32_t workers) : workers_(workers) {
        std::vector<Accounts::Worker> accounted(workers);
        for (uint32_t w = 0; w < workers; ++w) {
            counters_.push_back(std::make_unique<Counters>(workers, workers));
            devices_.push_back(std::make_unique<Device>());
            std::vector<rte_ring*> rings;
            for (uint32_t to = 0; to < workers; ++to) {
                rings_.push_back(to == w ? nullptr : make_ring());
                rings.push_back(rings_.back().get());
            }
            distributors_.push_back(std::make_unique<Distributor>(rings, fragmented_, UINT64_MAX));
            accounted[w].counters = counters_[w].get();
            for (uint32_t from = 0; from < workers; ++from)
                accounted[w].origins.push_back({from, 0, from != w, from});
        }
        accounts_ = std::make_unique<Accounts>(std::move(accounted), workers);
        last_seen_.resize(size_t{workers} * workers * kFlows);
    }

    void run(uint32_t worker) {
        for (uint64_t i = 0; i < kRounds || !stop_; ++i) round(worker, true);
        ++stopped_;
        while (stopped_ < workers_) round(worker, false);
        for (uint32_t i = 0; i < kRingPackets; ++i) round(worker, false);
    }
    void stop() { stop_ = true; }
    Accounts::Reading read() const { return accounts_->read(); }
    uint64_t disorders() const { return disorders_; }

private:
    void round(uint32_t worker, bool polls) {
        rte_mbuf* packets[kRxBurstPackets];
        Counters& counters = *counters_[worker];
        Distributor& distributor = *distributors_[worker];
        for (uint32_t from = 0; from < workers_; ++from) {
            uint32_t count = 0;
            if (from != worker) {
                count = rte_ring_sc_dequeue_burst(rings_[from * workers_ + worker].get(),
                                                  reinterpret_cast<void**>(packets),
                                                  kRxBurstPackets, nullptr);
            } else if (polls && distributor.has_room()) {
                count = devices_[worker]->burst(packets);
            }
            if (count == 0) continue;
            counters.queue(from).packets += count;
            if (from == worker) {
                const uint32_t own = distributor.keep_own({packets, count});
                counters.queue(from).handed += count - own;
                count = own;
            }
            judge(worker, from, {packets, count});
        }
        counters.publish();
        EXPECT_EQ(distributor.flush().packets, 0u);
    }

    void judge(uint32_t worker, uint32_t from, std::span<rte_mbuf*> packets) {
        if (packets.empty()) return;
        PortTraffic& counts = counters_[worker]->traffic(from);
        counts.rx += packets.size();
        for (rte_mbuf* head : packets) {
            Packet& packet = devices_[from]->packet_of(*head);
            uint64_t& last = last_seen_[(worker * workers_ + from) * kFlows + packet.flow];
            if (packet.number + 1 <= last) ++disorders_;
            last = packet.number + 1;
            packet.in_use.store(false, std::memory_order_release);
        }
        counters_[worker]->drop(from, DropReason::xdp_drop, packets.size());
    }

    uint32_t workers_;
    std::vector<Ring> rings_;  ///< by giver, by taker
    FragmentedPairs fragmented_;
    std::vector<std::unique_ptr<Counters>> counters_;
    std::vector<std::unique_ptr<Device>> devices_;
    std::vector<std::unique_ptr<Distributor>> distributors_;
    std::unique_ptr<Accounts> accounts_;
    std::vector<uint64_t> last_seen_;  ///< by worker, device, flow: each is one thread's
    std::atomic<uint64_t> disorders_{0};
    std::atomic<bool> stop_{false};
    std::atomic<uint32_t> stopped_{0};
};

uint64_t sum_of_drops(const PortCounts& counts) {
    uint64_t sum = 0;
    for (const uint64_t dropped : counts.drops) sum += dropped;
    return sum;
}

void account_under_load(uint32_t workers) {
    Node node(workers);
    std::vector<std::thread> threads;
    for (uint32_t w = 0; w < workers; ++w) threads.emplace_back([&, w] { node.run(w); });
    uint64_t received = 0;
    for (uint32_t i = 0; i < 2'000; ++i) {
        const Accounts::Reading reading = node.read();
        const PortCounts& total = reading.total;
        ASSERT_EQ(total.rx, total.in_flight + sum_of_drops(total));
        ASSERT_GE(total.rx, received);
        ASSERT_LE(total.in_flight, total.rx);
        received = total.rx;
    }
    node.stop();
    for (std::thread& thread : threads) thread.join();
    const Accounts::Reading reading = node.read();
    EXPECT_EQ(reading.total.in_flight, 0u);
    EXPECT_EQ(reading.total.rx, sum_of_drops(reading.total));
    EXPECT_EQ(node.disorders(), 0u);
    for (const Counters::State& state : reading.workers) {
        for (const QueueCounts& queue : state.queues) EXPECT_GT(queue.packets, 0u);
    }
}

TEST(Threads, TwoWorkersThatHandEachOtherPacketsAddUpOnEveryRead) {
    account_under_load(2);
}

TEST(Threads, ThreeWorkersThatShareCoresAddUpOnEveryRead) {
    account_under_load(3);
}

/// One worker without ports: its loop, generations, tasks.
TEST(Threads, AWorkerTakesGenerationsAndTasksBetweenItsRounds) {
    Publication publication(0, 1);
    vm::Timers timers(16);
    OutOfService out(1);
    Worker worker(WorkerSetup{}, publication, timers, out);
    std::thread thread([&] { Worker::run(&worker); });
    uint64_t done = 0;  // the worker's while it runs a task, ours otherwise
    WorkerTask task{[](void* opaque) { ++*static_cast<uint64_t*>(opaque); }, &done};
    for (uint64_t number = 1; number <= kGenerations; ++number) {
        auto generation = std::make_unique<Generation>();
        generation->number = number;
        ASSERT_TRUE(publication.publish(std::move(generation)));
        ASSERT_TRUE(worker.run_between_rounds(task, 10'000));
        ASSERT_EQ(done, number);
        EXPECT_TRUE(worker.counters().read().ports.empty());
    }
    EXPECT_GE(worker.rounds(), kGenerations);
    worker.request_stop();
    thread.join();
    EXPECT_FALSE(worker.run_between_rounds(task, 1)) << "nobody is there to take it";
    EXPECT_EQ(done, kGenerations);
}

}  // namespace
}  // namespace weir::dataplane
