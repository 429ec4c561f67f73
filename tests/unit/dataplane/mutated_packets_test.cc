// Broken packets through the whole packet path: rings, workers, programs as machine code, chains
// that change meanwhile. Nothing crashes, every packet is counted in exactly one place, every
// buffer comes back whole.
//
//   WEIR_SEED=7 WEIR_PACKETS=10000000   makes a long run of it (tests/LONG_RUNS.md)

#include <fmt/format.h>

#include <random>

#include "tests/support/corpus_objects.h"
#include "tests/support/environment.h"
#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/object_programs.h"
#include "tests/unit/dataplane/packet_mutator.h"

namespace weir::dataplane::testing {
namespace {

constexpr uint32_t kWorkers = 2;
constexpr uint32_t kPacketsPerGeneration = 5000;
constexpr uint32_t kPatienceTries = 10;
constexpr uint32_t kPortsToRedirectTo = 5;  ///< three of them there are

std::vector<ObjectProgram> all_programs() {
    std::vector<ObjectProgram> programs;
    const std::string corpus = WEIR_CORPUS_DIR;
    for (const std::string& folder : {corpus, corpus + "/frags", corpus + "/helpers"}) {
        for (const tests::CorpusObject& object : tests::corpus_objects(folder)) {
            if (object.level != "clang-14.v3") continue;
            auto loaded = programs_of(object.path, kWorkers);
            if (!loaded) continue;  // what needs slots, or what is made to be refused
            for (ObjectProgram& program : *loaded) programs.push_back(std::move(program));
        }
    }
    auto firewall = programs_of(WEIR_QUICKSTART_OBJECT, kWorkers);
    EXPECT_TRUE(firewall) << firewall.error().message;
    for (ObjectProgram& program : *firewall) programs.push_back(std::move(program));
    return programs;
}

uint32_t number_below(uint32_t bound, const vm::RunEnv& env) {
    thread_local std::minstd_rand random(env.cpu + 1);
    return static_cast<uint32_t>(random() % bound);
}

/// Any verdict, and what is none; redirects to ports that there are and others.
uint32_t any_verdict(vm::XdpContext&, vm::RunEnv& env) {
    env.redirect_ifindex = number_below(kPortsToRedirectTo, env);
    return number_below(6, env);
}

/// Another program that drops half of what that one sends back: a ring receives what it sends, and
/// for a chain of one program there is no other place to end this.
class Calmed : public jit::CompiledProgram {
public:
    explicit Calmed(std::shared_ptr<const jit::CompiledProgram> program)
        : CompiledProgram({enter_single, enter_burst, true}), program_(std::move(program)) {}
    jit::Engine engine() const override { return program_->engine(); }
    std::span<const uint8_t> code() const override { return {}; }

private:
    static uint32_t calm(uint32_t verdict, const vm::RunEnv& env) {
        return verdict >= vm::XDP_TX && number_below(2, env) == 0 ? vm::XDP_DROP : verdict;
    }
    static const Calmed& of(const CompiledProgram* self) {
        return *static_cast<const Calmed*>(self);
    }
    static uint64_t enter_single(uint64_t context, uint64_t self, vm::RunEnv* env) {
        const auto& calmed = of(reinterpret_cast<const CompiledProgram*>(self));
        return calm(calmed.program_->run(*reinterpret_cast<vm::XdpContext*>(context), *env), *env);
    }
    static void enter_burst(vm::XdpContext* context, vm::XdpContext* end, uint32_t* verdicts,
                            uint32_t* redirects, vm::RunEnv* env, const CompiledProgram* self) {
        const auto count = static_cast<size_t>(end - context);
        of(self).program_->run_burst({context, count}, {verdicts, count}, {redirects, count}, *env);
        for (size_t i = 0; i < count; ++i) verdicts[i] = calm(verdicts[i], *env);
    }

    std::shared_ptr<const jit::CompiledProgram> program_;
};

/// Ends the life of packets that XDP_TX sends around and around.
uint32_t drop_every_fourth(vm::XdpContext&, vm::RunEnv& env) {
    return number_below(4, env) == 0 ? vm::XDP_DROP : vm::XDP_PASS;
}

/// Generations with random chains of what there is.
class Chains {
public:
    Chains(std::vector<ObjectProgram> programs, uint64_t seed)
        : programs_(std::move(programs)), random_(seed) {}

    std::unique_ptr<Generation> next() {
        std::vector<PortChains> ports(3);
        const bool alone = below(3) == 0;  // judged by bursts
        for (PortChains& port : ports) {
            port.ingress = alone ? one() : several(below(5));
            if (!alone && below(3) == 0) port.egress = several(below(3));
        }
        return made(std::move(ports));
    }
    std::unique_ptr<Generation> dropping() {
        const PortChains drop = {.ingress = {returning(0, vm::XDP_DROP)}, .egress = {}};
        return made({drop, drop, drop});
    }
    size_t count() const { return programs_.size(); }

private:
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
    std::unique_ptr<Generation> made(std::vector<PortChains> ports) {
        auto next = generation(++number_, std::move(ports));
        auto fib = vm::Fib::build({});
        EXPECT_TRUE(fib);
        next->fib = std::move(*fib);
        return next;
    }
    ChainEntry pick() {
        if (below(8) == 0) {
            ChainEntry any = entry(1, any_verdict);
            any.takes_segments = below(2) == 0;
            return any;
        }
        const uint32_t at = below(static_cast<uint32_t>(programs_.size()));
        return {.program = programs_[at].program,
                .slot = at + 3,
                .takes_segments = programs_[at].takes_segments};
    }
    std::vector<ChainEntry> one() {
        std::vector<ChainEntry> chain;
        if (below(4) == 0) return chain;
        chain.push_back(pick());
        chain[0].program = std::make_shared<Calmed>(chain[0].program);
        return chain;
    }
    std::vector<ChainEntry> several(uint32_t count) {
        std::vector<ChainEntry> chain = {taking_segments(2, drop_every_fourth)};
        for (; count != 0; --count) chain.push_back(pick());
        return chain;
    }

    std::vector<ObjectProgram> programs_;
    std::mt19937_64 random_;
    uint64_t number_ = 0;
};

/// p0 and p1 are rings that receive what they send, p2 sends into nothing.
std::unique_ptr<Forwarding> start_ports(const RunDir& dir) {
    api::Configure ports =
        configure({{"net_ring0", "p1"}, {"net_ring1", ""}, {"net_null2,no-rx=1", ""}},
                  {0, std::thread::hardware_concurrency() - 1});
    ports.ports[0].queues = kWorkers;
    ports.ports[1].queues = kWorkers;
    return start(ports, dir);
}

/// Puts packets in until `count` were taken; new chains every few thousand.
class Feeder {
public:
    Feeder(Forwarding& forwarding, Chains& chains, uint64_t seed)
        : forwarding_(forwarding), chains_(chains), mutator_(seed) {
        for (uint16_t queue = 0; queue < kWorkers; ++queue)
            for (const char* device : {"net_ring0", "net_ring1"})
                rings_.push_back(shared_ring(fmt::format("ETH_RXTX{}_{}", queue, device)));
        pool_ = rte_mempool_lookup("weir_packets");
    }
    void feed(uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) {
            if (i % kPacketsPerGeneration == 0) renew();
            put(mutator_.next());
            if (i % 1024 != 0) continue;
            ASSERT_EQ(unaccounted(forwarding_.read_stats().total), 0u) << i;
        }
    }
    void renew() { ASSERT_TRUE(forwarding_.publish(chains_.next())); }
    rte_mempool* pool() const { return pool_; }

private:
    /// Into which we put packets beside the worker that sends there.
    static rte_ring* shared_ring(const std::string& name) {
        rte_ring* ring = rte_ring_lookup(name.c_str());
        ring->prod.sync_type = RTE_RING_SYNC_MT;
        return ring;
    }
    void put(const Bytes& bytes) {
        for (uint32_t tries = 1;; ++tries) {
            rte_mbuf* packet = mutator_.wrap(pool_, bytes);
            if (packet != nullptr && is_taken(packet)) return;
            rte_pktmbuf_free(packet);
            if (tries % kPatienceTries == 0) {  // packets that go around and around fill the rings
                ASSERT_TRUE(eventually(
                    [&] { return forwarding_.publish(chains_.dropping()).has_value(); }));
                renew();
            }
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
    }
    /// By a ring at random, or the next that has room.
    bool is_taken(rte_mbuf* packet) {
        const size_t first = mutator_.below(static_cast<uint32_t>(rings_.size()));
        for (size_t i = 0; i < rings_.size(); ++i)
            if (rte_ring_enqueue(rings_[(first + i) % rings_.size()], packet) == 0) return true;
        return false;
    }

    Forwarding& forwarding_;
    Chains& chains_;
    PacketMutator mutator_;
    std::vector<rte_ring*> rings_;
    rte_mempool* pool_ = nullptr;
};

/// Packets that will not be seen again: dropped, or sent into nothing.
uint64_t gone(const api::Stats& stats) {
    uint64_t packets = stats.ports.at("p2").tx;
    for (const auto& [reason, dropped] : stats.total.drops) packets += dropped;
    return packets;
}

void print_totals(uint64_t seed, uint64_t fed, const api::Stats& stats) {
    fmt::print("seed {}: {} packets fed, {} received, {} sent, dropped:", seed, fed, stats.total.rx,
               stats.total.tx);
    for (const auto& [reason, packets] : stats.total.drops)
        if (packets != 0) fmt::print(" {} {}", reason, packets);
    fmt::print("\n");
}

/// Each way to end was taken, or the packets were not as broken as they should be.
void expect_reasons(const api::Stats& stats) {
    for (const char* reason :
         {"runt", "too_long", "exceeds_mtu", "xdp_drop", "xdp_aborted", "invalid_verdict",
          "pass_drop", "redirect_unknown_port", "egress_drop", "egress_aborted"})
        EXPECT_GT(dropped(stats.total, reason), 0u) << reason;
}

TEST(MutatedPackets, CrashNothingAndAreCountedInExactlyOnePlace) {
    in_child([] {
        const uint64_t seed = tests::first_seed();
        const uint64_t count = tests::number_from_environment("WEIR_PACKETS", 50'000);
        alarm(static_cast<unsigned>(60 + count / 1'000));
        const RunDir dir;
        Chains chains(all_programs(), seed);
        EXPECT_GT(chains.count(), 30u);
        auto forwarding = start_ports(dir);
        ASSERT_TRUE(forwarding);
        Feeder feeder(*forwarding, chains, seed);
        const unsigned held = rte_mempool_in_use_count(feeder.pool());
        feeder.feed(count);
        ASSERT_TRUE(forwarding->publish(chains.dropping()));
        // What goes around ends now: then all that was fed is gone, each packet once.
        const bool settled = eventually([&] {
            const api::Stats stats = forwarding->read_stats();
            return gone(stats) >= count && stats.total.in_flight == 0;
        });
        const api::Stats stats = forwarding->read_stats();
        EXPECT_TRUE(settled);
        EXPECT_EQ(gone(stats), count);
        EXPECT_EQ(unaccounted(stats.total), 0u);
        EXPECT_EQ(stats.total.rx, count + stats.ports.at("p0").tx + stats.ports.at("p1").tx);
        expect_reasons(stats);
        EXPECT_EQ(rte_mempool_in_use_count(feeder.pool()), held);
        EXPECT_EQ(damaged_buffers(feeder.pool()), 0u);
        print_totals(seed, count, stats);
    });
}

}  // namespace
}  // namespace weir::dataplane::testing
