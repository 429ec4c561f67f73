#pragma once
// Config -> everything that has to be in the dataplane for it, proven and complete, before the
// first frame is sent.

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/config/config.h"
#include "controlplane/deploy/slot_plan.h"
#include "dataplane/api/messages.h"
#include "vm/program/spec.h"
#include "vm/verifier/verdict_cache.h"

namespace weir::controlplane {

struct PlannedMap {
    std::string name;  ///< PROGRAM/MAP
    vm::MapSpec spec;
    bool is_policy = false;                         ///< the configuration owns all of its elements
    std::vector<dataplane::api::Element> contents;  ///< sorted by key; policy alone
    std::vector<PlannedSlot> slots;  ///< first contents; targets into Bundle::programs or ::maps
    dataplane::api::Persistence persistence = dataplane::api::Persistence::None;
    std::vector<dataplane::api::Element> first = {};  ///< what it holds when it is made anew
};

/// A program of the configuration, or one that came along: it stands in a slot of that one's maps.
struct PlannedProgram {
    std::string name;   ///< as the config calls it; of one that came along GROUP/FUNCTION
    std::string group;  ///< the config's program that it is or came with
    vm::ProgramSpec spec;
    std::string object, object_hash;
    std::string identity;      ///< hash of code, maps and first contents of the whole group: what
                               ///< decides whether it goes on as it is
    std::vector<size_t> maps;  ///< into Bundle::maps, one per spec.maps
    uint64_t visited_insns = 0;
    uint64_t verify_us = 0;  ///< next to nothing where the verdict was known
    bool in_chain = false;   ///< its group's first is in one
    bool skip_on_fault = false;

    bool came_along() const { return name != group; }
};

struct PlannedChain {
    std::string port;
    bool egress = false;
    std::vector<size_t> programs;  ///< into Bundle::programs
};

struct Bundle {
    dataplane::api::Configure configure;
    std::vector<PlannedMap> maps;
    std::vector<PlannedProgram> programs;
    std::vector<PlannedChain> chains;
    std::vector<dataplane::api::Route> routes;
    std::vector<dataplane::api::Neighbour> neighbours;
    std::string hash;                  ///< of the configuration's text and every object
    std::vector<std::string> notices;  ///< assumptions that the loader made
};

/// Loads and verifies every program, checks fills against maps. Errors name the place in the
/// configuration; kRejected is the verifier's refusal. Reads files, changes nothing but `verdicts`,
/// which knows what was verified before.
Result<Bundle> build_bundle(const Config& config, vm::VerdictCache& verdicts);

/// `routes` and `neighbours` as they go to the dataplane.
std::vector<dataplane::api::Route> make_routes(const Config& config);
std::vector<dataplane::api::Neighbour> make_neighbours(const Config& config);

/// The frame that starts the dataplane.
dataplane::api::Configure make_configure(const Config& config);

/// "FILE:LINE:COLUMN: KEY: message".
std::unexpected<Error> fail_at(const Config& config, const Place& place, const std::string& key,
                               ErrorKind kind, const std::string& message);

}  // namespace weir::controlplane
