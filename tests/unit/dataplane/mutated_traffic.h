#pragma once
// Broken packets on their way through everything that packets meet: programs of the corpus as
// machine code, chains that change meanwhile, rings by which packets come back. For two workers and
// three ports, of which p0 and p1 are rings that receive what they send, and p2 sends into nothing.

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/object_programs.h"
#include "tests/unit/dataplane/packet_mutator.h"

namespace weir::dataplane::testing {

constexpr uint32_t kMutatedWorkers = 2;
constexpr uint32_t kMutatedPorts = 3;
/// In which a test must have come to its end.
inline unsigned seconds_for(uint64_t packets) {
    return static_cast<unsigned>(100 + packets / 1'000);
}

/// Every program of the corpus that runs without slots filled, and the firewall of the quickstart.
std::vector<ObjectProgram> all_programs();

/// Of the worker that asks.
uint32_t number_below(uint32_t bound, const vm::RunEnv& env);
/// Any verdict, and what is none; redirects to ports that there are and others.
uint32_t any_verdict(vm::XdpContext& context, vm::RunEnv& env);

/// Generations with random chains of what there is.
class Chains {
public:
    /// `more`: taken as often as all the programs together.
    Chains(std::vector<ObjectProgram> programs, uint64_t seed, std::vector<ChainEntry> more = {})
        : programs_(std::move(programs)), more_(std::move(more)), random_(seed) {}

    std::unique_ptr<Generation> next();
    std::unique_ptr<Generation> dropping();
    size_t count() const { return programs_.size(); }

private:
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
    std::unique_ptr<Generation> made(std::vector<PortChains> ports);
    ChainEntry pick();
    std::vector<ChainEntry> one();
    std::vector<ChainEntry> several(uint32_t count);

    std::vector<ObjectProgram> programs_;
    std::vector<ChainEntry> more_;
    std::mt19937_64 random_;
    uint64_t number_ = 0;
};

/// p0, p1 and p2, with a queue of the rings for each worker.
api::Configure mutated_ports();

/// Puts packets in until `count` were taken; new chains every few thousand.
class Feeder {
public:
    struct Pace {
        uint32_t packets_per_generation = 5000;
        std::function<void()> before_each = [] {};  ///< generation
    };
    Feeder(Forwarding& forwarding, Chains& chains, uint64_t seed)
        : Feeder(forwarding, chains, seed, Pace{}) {}
    Feeder(Forwarding& forwarding, Chains& chains, uint64_t seed, Pace pace);

    /// At the end, what goes around is dropped.
    void feed(uint64_t count);
    rte_mempool* pool() const { return pool_; }

private:
    void publish(std::unique_ptr<Generation> (Chains::*make)());
    void put(const Bytes& bytes);
    bool is_taken(rte_mbuf* packet);
    void look_at_one();

    Forwarding& forwarding_;
    Chains& chains_;
    Pace pace_;
    PacketMutator mutator_;
    std::vector<rte_ring*> rings_;
    rte_mempool* pool_ = nullptr;
};

/// Packets that will not be seen again: dropped, taken by the host, or sent into nothing.
uint64_t gone(const api::Stats& stats);

void print_totals(uint64_t seed, uint64_t fed, const api::Stats& stats);

}  // namespace weir::dataplane::testing
