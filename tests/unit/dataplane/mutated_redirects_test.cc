// Broken packets by maps, to other workers and to the host: devmaps with broadcasts and programs
// behind their entries, cpumaps, `pass: kernel`. What goes in is what comes out, copies included.
//
//   WEIR_SEED=7 WEIR_PACKETS=10000000   makes a long run of it (tests/LONG_RUNS.md)

#include <fstream>

#include <fmt/format.h>

#include "dataplane/interface.h"
#include "dataplane/packet_trace.h"
#include "tests/support/environment.h"
#include "tests/unit/dataplane/interfaces_fixture.h"
#include "tests/unit/dataplane/map_ways.h"
#include "tests/unit/dataplane/mutated_traffic.h"

namespace weir::dataplane::testing {
namespace {

constexpr uint32_t kPacketsPerGeneration = 500;
constexpr uint64_t kPackets = 30'000;
constexpr uint64_t kHostSeed = 1'000'000'007;  ///< beside the first
constexpr uint32_t kHostFramesAtOnce = 20;
constexpr uint32_t kDownEvery = 8;  ///< generations

/// The host's end of p0, in a network namespace of the test's own.
class HostEnd {
public:
    explicit HostEnd(uint64_t seed) : mutator_(seed + kHostSeed), wire_("p0") {}

    /// Broken packets from the host, and its interface down for every so many calls.
    void act() {
        const bool is_down = ++calls_ % kDownEvery == 0;
        EXPECT_EQ(set_interface_up("p0", !is_down), 0);
        for (uint32_t i = 0; i < kHostFramesAtOnce; ++i) wire_.try_to_send(mutator_.next());
    }
    /// What the kernel counted at the interface.
    struct Seen {
        uint64_t received = 0;  ///< by the host
        uint64_t sent = 0;
    };
    static Seen seen() {
        std::ifstream devices("/proc/self/net/dev");
        for (std::string name; devices >> name;) {
            if (name != "p0:") continue;
            uint64_t fields[16] = {};
            for (uint64_t& field : fields) devices >> field;
            return {.received = fields[1], .sent = fields[9]};
        }
        ADD_FAILURE() << "there is no p0";
        return {};
    }

private:
    PacketMutator mutator_;
    Wire wire_;
    uint32_t calls_ = 0;
};

/// Some of the packets are traced, on each worker, all the while.
class Traces {
public:
    explicit Traces(Forwarding& forwarding) : forwarding_(forwarding) {
        for (uint32_t worker = 0; worker < kMutatedWorkers; ++worker) {
            auto order = std::make_shared<TraceOrder>();
            order->left = kTracePacketsMax;
            traces_.push_back(std::make_unique<WorkerTrace>(std::move(order), worker));
            forwarding.arm_trace(worker, traces_.back().get());
        }
    }
    void take_all() {
        for (const auto& trace : traces_) {
            while (PacketTrace* made = trace->take()) {
                ++taken_;
                trace->give_back(made);
            }
        }
    }
    void end() {
        for (uint32_t worker = 0; worker < kMutatedWorkers; ++worker)
            forwarding_.arm_trace(worker, nullptr);
        EXPECT_GT(taken_, 0u);
    }

private:
    Forwarding& forwarding_;
    std::vector<std::unique_ptr<WorkerTrace>> traces_;
    uint64_t taken_ = 0;
};

void expect_ways_of_maps(const api::Stats& stats) {
    for (const char* reason :
         {"redirect_unknown_port", "redirect_nowhere", "redirect_drop", "redirect_aborted",
          "clone_no_buffer", "cpumap_no_worker", "cpumap_full", "cpumap_gone", "runt", "too_long",
          "exceeds_mtu", "egress_drop", "egress_aborted"})
        EXPECT_GT(dropped(stats.total, reason), 0u) << reason;
    EXPECT_GT(stats.total.cloned, 0u);
}

/// No packet is left, and each is in one place: `made` are those that did not come in by a ring.
void expect_all_gone(const Forwarding& forwarding, uint64_t fed, bool has_host) {
    const auto from_host = [&] { return has_host ? HostEnd::seen().sent : 0; };
    const bool settled = eventually([&] {
        const uint64_t sent = from_host();
        const api::Stats stats = forwarding.read_stats();
        return gone(stats) == fed + stats.total.cloned + sent && stats.total.in_flight == 0 &&
               (!has_host || stats.total.to_kernel == HostEnd::seen().received);
    });
    const uint64_t sent = from_host();
    const api::Stats stats = forwarding.read_stats();
    EXPECT_TRUE(settled);
    EXPECT_EQ(gone(stats), fed + stats.total.cloned + sent);
    EXPECT_EQ(stats.total.rx, fed + stats.ports.at("p0").tx + stats.ports.at("p1").tx + sent);
    EXPECT_EQ(unaccounted(stats.total), 0u);
    if (!has_host) return;
    EXPECT_EQ(stats.total.to_kernel, HostEnd::seen().received);
    EXPECT_GT(stats.total.to_kernel, 0u);
    EXPECT_GT(sent, 0u);
    EXPECT_GT(dropped(stats.total, "host_down"), 0u);
}

/// In which nobody sends but the test.
void make_namespace() {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::strerror(errno);
    for (const char* which : {"all", "default"}) {
        std::ofstream setting(fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", which));
        setting << 1;
        ASSERT_TRUE(setting.flush()) << which;
    }
}

void send_by_maps(bool has_host) {
    const uint64_t seed = tests::first_seed();
    const uint64_t count = tests::number_from_environment("WEIR_PACKETS", kPackets);
    alarm(seconds_for(count));
    if (has_host) make_namespace();
    const RunDir dir;
    api::Configure ports = mutated_ports();
    if (has_host) ports.ports[0].pass = api::PassKind::Kernel;
    const std::vector<ObjectProgram> programs = all_programs();
    MapWays ways(programs, seed);
    Chains chains(programs, seed, ways.entries());
    auto forwarding = start(ports, dir);
    ASSERT_TRUE(forwarding);
    forwarding->connect_workers();
    ways.renew();
    std::optional<HostEnd> host;
    if (has_host) host.emplace(seed);
    Traces traces(*forwarding);
    uint64_t generations = 0;
    Feeder feeder(*forwarding, chains, seed,
                  {.packets_per_generation = kPacketsPerGeneration, .before_each = [&] {
                       ways.renew();
                       traces.take_all();
                       if (host) host->act();
                       if (++generations * kPacketsPerGeneration * 2 >= count) ways.retire_one();
                   }});
    const unsigned spare = has_host ? 1 : 0;  // that the next frame from the host is read into
    EXPECT_TRUE(eventually([&] { return rte_mempool_in_use_count(feeder.pool()) == spare; }));
    feeder.feed(count);
    traces.end();
    expect_all_gone(*forwarding, count, has_host);
    const api::Stats stats = forwarding->read_stats();
    expect_ways_of_maps(stats);
    ways.expect_aborts_counted(*forwarding);
    EXPECT_EQ(rte_mempool_in_use_count(feeder.pool()), spare);
    EXPECT_EQ(damaged_buffers(feeder.pool()), 0u);
    print_totals(seed, count, stats);
}

TEST(MutatedPackets, ByMapsAndToOtherWorkersAreCountedInExactlyOnePlace) {
    in_child([] { send_by_maps(false); });
}

class MutatedPacketsAndTheHost : public NeedsRoot {};

TEST_F(MutatedPacketsAndTheHost, AreCountedInExactlyOnePlaceBothWays) {
    in_child([] { send_by_maps(true); });
}

}  // namespace
}  // namespace weir::dataplane::testing
