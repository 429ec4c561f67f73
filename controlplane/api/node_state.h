#pragma once
// What the control plane keeps in the run directory, so that it finds itself again after a crash:
// the configuration that runs, programs swapped since, and the last configurations.

#include <map>
#include <string>

#include "controlplane/deploy/deploy.h"

namespace weir::controlplane {

constexpr uint32_t kHistoryMax = 64;  ///< configurations kept

/// `weir prog swap` since the configuration was applied.
struct SwappedProgram {
    std::string object;
    std::string function;  ///< empty: the configured one, or the object's only
};

struct NodeState {
    std::string config_path;  ///< absolute
    std::string config_text;
    std::map<std::string, SwappedProgram> swapped;  ///< by program name
    std::string hash;                               ///< Bundle::hash of what was published
    uint64_t generation = 0;
    Identities identities;
};

/// RUN_DIR/control/state.json, replaced as a whole; and RUN_DIR/history/GENERATION.yaml, the oldest
/// beyond kHistoryMax removed.
Result<void> write_state(const std::string& run_dir, const NodeState& state);
/// kNotFound: there is none.
Result<NodeState> read_state(const std::string& run_dir);

/// RUN_DIR/control/next.json: what is about to be published, by its hash. Who comes after a death
/// between publishing and write_state finds there what runs. The generation is not known yet.
Result<void> write_next_state(const std::string& run_dir, const NodeState& state);
Result<NodeState> read_next_state(const std::string& run_dir);

/// RUN_DIR/control/policy.keys, replaced as a whole: what configurations put into maps, or were
/// about to when the control plane died; never too few.
Result<void> write_policy_keys(const std::string& run_dir, const PolicyKeys& keys);
/// Empty if there is no such file.
Result<PolicyKeys> read_policy_keys(const std::string& run_dir);

/// The configuration with the swapped programs in place.
Result<Config> effective_config(const NodeState& state);

}  // namespace weir::controlplane
