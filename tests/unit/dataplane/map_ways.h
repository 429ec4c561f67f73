#pragma once
// Programs that redirect by maps at random, the maps with entries that change meanwhile, and
// programs behind the entries. For the ports and workers of mutated_traffic.h.

#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/bound_program.h"
#include "maps/cpumap.h"
#include "maps/target_map.h"
#include "tests/unit/dataplane/mutated_traffic.h"

namespace weir::dataplane::testing {

class MapWays {
public:
    /// Some of `programs` stand behind entries. Must outlive whatever runs.
    MapWays(const std::vector<ObjectProgram>& programs, uint64_t seed);
    MapWays(const MapWays&) = delete;
    MapWays& operator=(const MapWays&) = delete;

    /// Chain entries that send by the maps: machine code and others.
    const std::vector<ChainEntry>& entries() const { return entries_; }
    /// Other entries in the maps, at any time.
    void renew();
    /// What waits in queues by one of the cpumaps is dropped from now on.
    void retire_one() { cpumaps_.back()->retire(); }
    /// Every run of ours that aborted is listed with the exit at which it did.
    void expect_aborts_counted(const Forwarding& forwarding) const;

private:
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
    maps::TargetMap& make_map(vm::MapType type);
    void add_machine_code(maps::TargetMap& map, uint64_t flags);
    void add_others();
    void stand_behind(const std::vector<ObjectProgram>& programs);
    uint32_t any_way(uint32_t slot, vm::XdpContext& context, vm::RunEnv& env) const;

    std::mt19937_64 random_;
    uint32_t next_slot_;
    std::vector<std::unique_ptr<vm::Map>> owned_;
    std::vector<maps::TargetMap*> devmaps_;
    std::vector<maps::Cpumap*> cpumaps_;
    std::vector<ChainEntry> entries_;
    std::deque<LambdaProgram> lambdas_;
    std::vector<ObjectProgram> programs_;
    std::deque<BoundProgram> behind_;
};

}  // namespace weir::dataplane::testing
