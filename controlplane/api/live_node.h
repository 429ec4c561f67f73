#pragma once
// The control plane's one object: the configuration that runs, and the ways to ask the dataplane
// and to change it.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "controlplane/api/link.h"
#include "controlplane/api/map_elements.h"
#include "controlplane/api/node_state.h"
#include "controlplane/telemetry/metrics.h"
#include "controlplane/telemetry/stats_json.h"
#include "vm/verifier/verdict_cache.h"

namespace weir::controlplane {

/// What is asked of many keys at once.
enum class KeyQuestion : uint8_t { Lookup, Erase };

/// What a map is to hold: records, back to back.
struct MapContents {
    std::string name;
    std::string_view records;
    Slots slots = Slots::One;
};

/// Any thread. Deployments exclude each other; questions go over a connection of their own and wait
/// for none of them longer than the dataplane itself is busy.
class LiveNode {
public:
    LiveNode(std::string run_dir, std::string dataplane_socket);

    /// Waits up to `connect_ms` for the dataplane. True if it runs what the state in the run
    /// directory says: that is taken up, and nothing needs to be deployed.
    Result<bool> connect(uint32_t connect_ms);
    /// `metrics` of the configuration that was taken up.
    MetricsConfig metrics_config() const;
    /// The first deployment.
    Result<void> start(const Config& config);
    /// Called now and then: a dataplane that came back empty gets the current configuration again.
    void watch();

    Result<Json> status();
    Result<Json> stats();
    Result<Json> programs();
    /// The machine code of a program that runs: an encoded ProgramCode (dataplane/api).
    Result<std::string> program_code(const std::string& name);
    Result<Json> maps();
    Result<Json> map(const std::string& name);
    /// {"elements":[…],"after":"KEYHEX" or null}: up to `count_max` elements behind `after`.
    Result<Json> dump(const std::string& name, const std::optional<Bytes>& after,
                      uint32_t count_max);
    /// The same as records (Slots::Each). Empty: that was the end; else the last key is where to go
    /// on.
    Result<std::string> dump_records(const std::string& name, const std::optional<Bytes>& after,
                                     uint32_t count_max);
    /// One element; of an lpm_trie with the prefix that matched, as `matched` and `matched_hex`. An
    /// empty key asks a queue or a stack for what a pop would give.
    Result<Json> lookup(const std::string& name, const Bytes& key);
    /// All elements are checked before the first is written. {"updated":N}
    Result<Json> update(const std::string& name,
                        const std::vector<dataplane::api::Element>& elements, uint64_t flags);
    Result<Json> update_records(const std::string& name, std::string_view records, Slots slots,
                                uint64_t flags);
    /// All contents of these maps, in one step: {"elements":2,"generation":8,"swap_us":120}.
    Result<Json> replace(const std::vector<MapContents>& contents);
    /// Into a slot of a prog array the program `target`, of a map in map the map; into an entry of
    /// a devmap or cpumap PORT, IFINDEX or LENGTH, or the same with :PROGRAM.
    Result<Json> bind(const std::string& name, const Bytes& key, const std::string& target);
    Result<Json> erase(const std::string& name, const Bytes& key);
    /// {"deleted":N,"missing":["KEYHEX",…]} or {"elements":[…],"missing":[…]}; the second form
    /// takes keys back to back. At most kBatchElementsMax of them.
    Result<Json> ask_keys(const std::string& name, const std::vector<Bytes>& keys,
                          KeyQuestion question);
    Result<Json> ask_keys(const std::string& name, std::string_view keys, KeyQuestion question);
    /// {"generation":8,"swap_us":120}
    Result<Json> apply(const std::string& text, const std::string& path);
    Result<Json> swap(const std::string& name, const SwappedProgram& program);
    std::string metrics();

private:
    /// What a question needs of the running configuration; replaced as a whole.
    struct Running {
        NodeState state;
        Config config;
    };

    Result<Deployed> deploy_state(NodeState wanted, const std::string& renew);
    PolicyKeys known_policy_keys() const;
    Result<void> note_policy_keys(const PolicyKeys& before, const PolicyKeys& now) const;
    Result<NodeState> known_state(const std::string& hash) const;
    bool attach(const dataplane::api::Status& status);
    std::shared_ptr<const Running> running() const;
    void set_running(std::shared_ptr<const Running> running);
    Result<dataplane::api::MapInfo> find_map(dataplane::api::Client& client,
                                             const std::string& name);
    Result<void> add_captures(Json& list);
    Result<Scrape> scrape();

    std::string run_dir_, dataplane_socket_;
    Link questions_;
    vm::VerdictCache verdicts_;
    std::mutex deploy_mutex_;
    mutable std::mutex running_mutex_;
    std::shared_ptr<const Running> running_;
    std::atomic<bool> was_lost_{false};
};

}  // namespace weir::controlplane
