#include "tests/unit/dataplane/mutated_traffic.h"

#include <fmt/format.h>

#include "tests/support/corpus_objects.h"

namespace weir::dataplane::testing {
namespace {

constexpr uint32_t kPatienceTries = 10;
constexpr uint32_t kPortsToRedirectTo = 5;  ///< three of them there are
constexpr uint32_t kLookedAtEvery = 64;     ///< packets

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
        const bool comes_back = verdict == vm::XDP_TX || verdict == vm::XDP_REDIRECT;
        return comes_back && number_below(2, env) == 0 ? vm::XDP_DROP : verdict;
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

/// At which we stand beside the worker that sends there and the one that receives.
rte_ring* shared_ring(const std::string& name) {
    rte_ring* ring = rte_ring_lookup(name.c_str());
    ring->prod.sync_type = RTE_RING_SYNC_MT;
    ring->cons.sync_type = RTE_RING_SYNC_MT;
    return ring;
}

}  // namespace

std::vector<ObjectProgram> all_programs() {
    std::vector<ObjectProgram> programs;
    const std::string corpus = WEIR_CORPUS_DIR;
    for (const std::string& folder : {corpus, corpus + "/frags", corpus + "/helpers"}) {
        for (const tests::CorpusObject& object : tests::corpus_objects(folder)) {
            if (object.level != "clang-14.v3") continue;
            auto loaded = programs_of(object.path, kMutatedWorkers);
            if (!loaded) continue;  // what needs slots, or what is made to be refused
            for (ObjectProgram& program : *loaded) programs.push_back(std::move(program));
        }
    }
    auto firewall = programs_of(WEIR_QUICKSTART_OBJECT, kMutatedWorkers);
    EXPECT_TRUE(firewall) << firewall.error().message;
    for (ObjectProgram& program : *firewall) programs.push_back(std::move(program));
    EXPECT_GT(programs.size(), 30u);
    return programs;
}

uint32_t number_below(uint32_t bound, const vm::RunEnv& env) {
    thread_local std::minstd_rand random(env.cpu + 1);
    return static_cast<uint32_t>(random() % bound);
}

uint32_t any_verdict(vm::XdpContext&, vm::RunEnv& env) {
    env.redirect_ifindex = number_below(kPortsToRedirectTo, env);
    return number_below(6, env);
}

// ---- chains -------------------------------------------------------------------------------------

std::unique_ptr<Generation> Chains::next() {
    std::vector<PortChains> ports(kMutatedPorts);
    const bool alone = below(3) == 0;  // judged by bursts
    for (PortChains& port : ports) {
        port.ingress = alone ? one() : several(below(5));
        if (!alone && below(3) == 0) port.egress = several(below(3));
    }
    return made(std::move(ports));
}

std::unique_ptr<Generation> Chains::dropping() {
    const PortChains drop = {.ingress = {returning(0, vm::XDP_DROP)}, .egress = {}};
    return made(std::vector<PortChains>(kMutatedPorts, drop));
}

std::unique_ptr<Generation> Chains::made(std::vector<PortChains> ports) {
    auto next = generation(++number_, std::move(ports));
    auto fib = vm::Fib::build({});
    EXPECT_TRUE(fib);
    next->fib = std::move(*fib);
    return next;
}

ChainEntry Chains::pick() {
    if (!more_.empty() && below(2) == 0) return more_[below(static_cast<uint32_t>(more_.size()))];
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

std::vector<ChainEntry> Chains::one() {
    std::vector<ChainEntry> chain;
    if (below(4) == 0) return chain;
    chain.push_back(pick());
    chain[0].program = std::make_shared<Calmed>(chain[0].program);
    return chain;
}

std::vector<ChainEntry> Chains::several(uint32_t count) {
    std::vector<ChainEntry> chain = {taking_segments(2, drop_every_fourth)};
    for (; count != 0; --count) chain.push_back(pick());
    return chain;
}

// ---- packets ------------------------------------------------------------------------------------

api::Configure mutated_ports() {
    api::Configure ports =
        configure({{"net_ring0", "p1"}, {"net_ring1", ""}, {"net_null2,no-rx=1", ""}},
                  {0, std::thread::hardware_concurrency() - 1});
    ports.ports[0].queues = kMutatedWorkers;
    ports.ports[1].queues = kMutatedWorkers;
    return ports;
}

Feeder::Feeder(Forwarding& forwarding, Chains& chains, uint64_t seed, Pace pace)
    : forwarding_(forwarding), chains_(chains), pace_(std::move(pace)), mutator_(seed) {
    for (uint16_t queue = 0; queue < kMutatedWorkers; ++queue)
        for (const char* device : {"net_ring0", "net_ring1"})
            rings_.push_back(shared_ring(fmt::format("ETH_RXTX{}_{}", queue, device)));
    pool_ = rte_mempool_lookup("weir_packets");
}

void Feeder::feed(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
        if (i % pace_.packets_per_generation == 0) {
            pace_.before_each();
            publish(&Chains::next);
        }
        put(mutator_.next());
        if (i % kLookedAtEvery == 0) look_at_one();
        if (i % 1024 != 0) continue;
        ASSERT_EQ(unaccounted(forwarding_.read_stats().total), 0u) << i;
    }
    publish(&Chains::dropping);
}

/// A worker that gets no CPU for a while holds a generation up.
void Feeder::publish(std::unique_ptr<Generation> (Chains::*make)()) {
    std::string why_not;
    EXPECT_TRUE(eventually([&] {
        const Result<api::Published> published = forwarding_.publish((chains_.*make)());
        if (!published) why_not = published.error().message;
        return published.has_value();
    })) << why_not;
}

void Feeder::put(const Bytes& bytes) {
    for (uint32_t tries = 1;; ++tries) {
        rte_mbuf* packet = mutator_.wrap(pool_, bytes);
        if (packet != nullptr && is_taken(packet)) return;
        rte_pktmbuf_free(packet);
        if (tries % kPatienceTries == 0) {  // packets that go around and around fill the rings
            publish(&Chains::dropping);
            publish(&Chains::next);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

/// By a ring at random, or the next that has room.
bool Feeder::is_taken(rte_mbuf* packet) {
    const size_t first = mutator_.below(static_cast<uint32_t>(rings_.size()));
    for (size_t i = 0; i < rings_.size(); ++i)
        if (rte_ring_enqueue(rings_[(first + i) % rings_.size()], packet) == 0) return true;
    return false;
}

/// What lies in a ring, sent by us or by a worker, is a packet that any driver could send.
void Feeder::look_at_one() {
    rte_ring* const ring = rings_[mutator_.below(static_cast<uint32_t>(rings_.size()))];
    void* object = nullptr;
    if (rte_ring_dequeue(ring, &object) != 0) return;
    auto* const packet = static_cast<rte_mbuf*>(object);
    const char* reason = "";
    EXPECT_EQ(rte_mbuf_check(packet, 1, &reason), 0) << reason;
    while (!is_taken(packet)) std::this_thread::yield();
}

uint64_t gone(const api::Stats& stats) {
    uint64_t packets = stats.ports.at("p2").tx + stats.total.to_kernel;
    for (const auto& [reason, dropped] : stats.total.drops) packets += dropped;
    return packets;
}

void print_totals(uint64_t seed, uint64_t fed, const api::Stats& stats) {
    const api::Counters& total = stats.total;
    fmt::print("seed {}: {} packets fed, {} received, {} cloned, {} sent, {} to the host, dropped:",
               seed, fed, total.rx, total.cloned, total.tx, total.to_kernel);
    for (const auto& [reason, packets] : total.drops)
        if (packets != 0) fmt::print(" {} {}", reason, packets);
    fmt::print("\n");
}

}  // namespace weir::dataplane::testing
