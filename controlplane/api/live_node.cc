#include "controlplane/api/live_node.h"

#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "controlplane/config/parse.h"
#include "controlplane/deploy/map_sync.h"
#include "controlplane/telemetry/capture_json.h"
#include "controlplane/telemetry/map_warnings.h"
#include "dataplane/api/codec.h"

namespace weir::controlplane {

namespace api = dataplane::api;

LiveNode::LiveNode(std::string run_dir, std::string dataplane_socket)
    : run_dir_(std::move(run_dir)),
      dataplane_socket_(std::move(dataplane_socket)),
      questions_(dataplane_socket_) {}

std::shared_ptr<const LiveNode::Running> LiveNode::running() const {
    const std::lock_guard<std::mutex> lock(running_mutex_);
    return running_;
}

void LiveNode::set_running(std::shared_ptr<const Running> running) {
    const std::lock_guard<std::mutex> lock(running_mutex_);
    running_ = std::move(running);
}

PolicyKeys LiveNode::known_policy_keys() const {
    Result<PolicyKeys> keys = read_policy_keys(run_dir_);
    if (keys) return std::move(*keys);
    spdlog::warn("{}; what sets put into maps before stays there", keys.error().message);
    return {};
}

/// Nothing is written where nothing changes, as with every swap.
Result<void> LiveNode::note_policy_keys(const PolicyKeys& before, const PolicyKeys& now) const {
    if (before == now) return {};
    return write_policy_keys(run_dir_, now);
}

/// On a connection of its own: what a failed deployment leaves behind goes away with it.
Result<Deployed> LiveNode::deploy_state(NodeState wanted, const std::string& renew) {
    Result<Config> config = effective_config(wanted);
    if (!config) return std::unexpected(config.error());
    const Result<Bundle> bundle = build_bundle(*config, verdicts_);
    if (!bundle) return std::unexpected(bundle.error());
    Result<api::Client> client = api::Client::connect(dataplane_socket_);
    if (!client) return std::unexpected(client.error());
    const std::shared_ptr<const Running> before = running();
    const Result<api::Status> status = client->status();
    if (!status) return std::unexpected(status.error());
    // Identities count only while the dataplane runs what they were noted for.
    const bool same = before != nullptr && status->config_hash == before->state.hash;
    const PolicyKeys owned = known_policy_keys(), wanted_keys = policy_keys(*bundle);
    // First what may be there, so that whoever comes after a crash knows of all of it.
    const PolicyKeys noted = merge_keys(owned, wanted_keys);
    if (const Result<void> written = note_policy_keys(owned, noted); !written)
        return std::unexpected(written.error());
    wanted.hash = bundle->hash;
    wanted.generation = 0;
    wanted.identities = {};
    if (const Result<void> written = write_next_state(run_dir_, wanted); !written)
        spdlog::warn("{}; dying now would undo this deployment", written.error().message);
    Result<Deployed> deployed =
        deploy(*client, *bundle, same ? before->state.identities : Identities{}, owned, renew);
    if (const auto written = note_policy_keys(noted, deployed ? wanted_keys : owned); !written)
        spdlog::warn("{}", written.error().message);
    if (!deployed) return deployed;
    wanted.generation = deployed->generation;
    wanted.identities = deployed->identities;
    if (const Result<void> written = write_state(run_dir_, wanted); !written)
        spdlog::warn("{}; after a restart the control plane will deploy its configuration again",
                     written.error().message);
    spdlog::info("generation {} published in {} us", deployed->generation, deployed->swap_us);
    set_running(std::make_shared<const Running>(Running{std::move(wanted), std::move(*config)}));
    return deployed;
}

/// What the run directory says of the configuration of that hash: the last one that was written
/// down, or one that was published by somebody who died before he could.
Result<NodeState> LiveNode::known_state(const std::string& hash) const {
    Result<NodeState> state = read_state(run_dir_);
    if (state && state->hash == hash) return state;
    Result<NodeState> next = read_next_state(run_dir_);
    if (next && next->hash == hash) return next;
    return fail(ErrorKind::kNotFound, "the run directory does not know what runs");
}

/// True if the dataplane runs what the run directory says: then nothing needs to be done.
bool LiveNode::attach(const api::Status& status) {
    if (!status.configured || status.config_hash.empty()) return false;
    Result<NodeState> state = known_state(status.config_hash);
    if (!state) return false;
    Result<Config> config = effective_config(*state);
    if (!config) {
        spdlog::warn("the configuration that runs cannot be read again: {}",
                     config.error().message);
        return false;
    }
    const bool is_new = state->generation == 0;
    state->generation = status.generation;
    if (const auto written = is_new ? write_state(run_dir_, *state) : Result<void>{}; !written)
        spdlog::warn("{}", written.error().message);
    spdlog::info("re-attached to generation {}", status.generation);
    set_running(std::make_shared<const Running>(Running{std::move(*state), std::move(*config)}));
    return true;
}

Result<bool> LiveNode::connect(uint32_t connect_ms) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(connect_ms);
    for (;;) {
        const Result<api::Status> status =
            questions_.call([](api::Client& client) { return client.status(); });
        if (status) return attach(*status);
        if (Clock::now() >= deadline) return std::unexpected(status.error());
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

MetricsConfig LiveNode::metrics_config() const {
    const std::shared_ptr<const Running> now = running();
    return now == nullptr ? MetricsConfig{} : now->config.metrics;
}

Result<void> LiveNode::start(const Config& config) {
    const std::lock_guard<std::mutex> lock(deploy_mutex_);
    NodeState wanted;
    std::error_code problem;
    wanted.config_path = config.file;
    if (const auto absolute = std::filesystem::absolute(config.file, problem); !problem)
        wanted.config_path = absolute.lexically_normal().string();
    wanted.config_text = config.text;
    const Result<Deployed> deployed = deploy_state(std::move(wanted), "");
    if (!deployed) return std::unexpected(deployed.error());
    return {};
}

void LiveNode::watch() {
    const std::unique_lock<std::mutex> lock(deploy_mutex_, std::try_to_lock);
    if (!lock) return;
    const Result<api::Status> status =
        questions_.call([](api::Client& client) { return client.status(); });
    if (!status) {
        if (!was_lost_.exchange(true))
            spdlog::warn("the dataplane does not answer: {}", status.error().message);
        return;
    }
    if (was_lost_.exchange(false)) spdlog::info("the dataplane answers again");
    const std::shared_ptr<const Running> now = running();
    if (now == nullptr || status->config_hash == now->state.hash || attach(*status)) return;
    spdlog::warn("the dataplane does not run the current configuration; deploying it again");
    const Result<Deployed> deployed = deploy_state(now->state, "");
    if (!deployed) spdlog::error("{}", deployed.error().message);
}

Result<void> LiveNode::add_captures(Json& list) {
    const auto captures =
        questions_.call([](api::Client& client) { return client.list_captures(); });
    if (!captures) return std::unexpected(captures.error());
    for (const api::CaptureInfo& info : *captures) list.push_back(capture_json(info));
    return {};
}

Result<Json> LiveNode::status() {
    const Result<api::Status> status =
        questions_.call([](api::Client& client) { return client.status(); });
    if (!status) return std::unexpected(status.error());
    Json document = status_json(*status);
    if (status->configured) {
        const auto maps = questions_.call([](api::Client& client) { return client.list_maps(); });
        if (!maps) return std::unexpected(maps.error());
        for (const api::MapInfo& map : *maps)
            for (std::string& warning : map_warnings(map))
                document["warnings"].push_back(std::move(warning));
    }
    const auto swaps = questions_.call([](api::Client& client) { return client.swap_times(); });
    if (!swaps) return std::unexpected(swaps.error());
    document["swaps"] = {{"count", swaps->count},
                         {"p50_us", static_cast<double>(swaps->p50_ns) / 1000},
                         {"p99_us", static_cast<double>(swaps->p99_ns) / 1000},
                         {"max_us", static_cast<double>(swaps->max_ns) / 1000}};
    document["captures"] = Json::array();
    if (status->configured) {
        const Result<void> added = add_captures(document["captures"]);
        if (!added) return std::unexpected(added.error());
    }
    const std::shared_ptr<const Running> now = running();
    document["config"] = now == nullptr ? Json(nullptr) : Json(now->state.config_path);
    document["ready"] = now != nullptr && status->config_hash == now->state.hash;
    return document;
}

Result<Json> LiveNode::stats() {
    const Result<api::Stats> stats =
        questions_.call([](api::Client& client) { return client.stats(); });
    if (!stats) return std::unexpected(stats.error());
    const Result<api::BypassState> bypass =
        questions_.call([](api::Client& client) { return client.bypass({}); });
    if (!bypass) return std::unexpected(bypass.error());
    Json document = stats_json(*stats);
    document["bypass_left_ms"] = bypass->left_ms;
    return document;
}

Result<Json> LiveNode::programs() {
    const auto programs =
        questions_.call([](api::Client& client) { return client.list_programs(); });
    if (!programs) return std::unexpected(programs.error());
    Json list = Json::array();
    for (const api::ProgramInfo& program : *programs) list.push_back(program_json(program));
    return list;
}

Result<std::string> LiveNode::program_code(const std::string& name) {
    const auto read = [&name](api::Client& client) -> Result<api::ProgramCode> {
        const auto programs = client.list_programs();
        if (!programs) return std::unexpected(programs.error());
        for (const api::ProgramInfo& program : *programs)
            if (program.name == name) return client.read_code(program.handle);
        return fail(ErrorKind::kNotFound, fmt::format("program '{}' does not run here", name));
    };
    const Result<api::ProgramCode> code = questions_.call(read);
    if (!code) return std::unexpected(code.error());
    const Bytes message = api::encode(*code);
    return std::string(message.begin(), message.end());
}

Result<Json> LiveNode::apply(const std::string& text, const std::string& path) {
    const std::lock_guard<std::mutex> lock(deploy_mutex_);
    NodeState wanted;
    wanted.config_path = path;
    wanted.config_text = text;
    const Result<Deployed> deployed = deploy_state(std::move(wanted), "");
    if (!deployed) return std::unexpected(deployed.error());
    return Json{{"generation", deployed->generation}, {"swap_us", deployed->swap_us}};
}

Result<Json> LiveNode::swap(const std::string& name, const SwappedProgram& program) {
    const std::lock_guard<std::mutex> lock(deploy_mutex_);
    const std::shared_ptr<const Running> now = running();
    if (now == nullptr) return fail(ErrorKind::kResource, "nothing is deployed yet");
    if (now->config.find_program(name) == nullptr) {
        std::vector<std::string> names;
        for (const ProgramConfig& known : now->config.programs) names.push_back(known.name);
        const std::string near = did_you_mean(name, names);
        return fail(ErrorKind::kNotFound,
                    fmt::format("program '{}' does not exist{}", name,
                                near.empty() ? "" : ", did you mean '" + near + "'?"));
    }
    NodeState wanted = now->state;
    wanted.swapped[name] = program;
    const Result<Deployed> deployed = deploy_state(std::move(wanted), name);
    if (!deployed) return std::unexpected(deployed.error());
    return Json{{"generation", deployed->generation}, {"swap_us", deployed->swap_us}};
}

Result<Scrape> LiveNode::scrape() {
    const std::shared_ptr<const Running> now = running();
    return questions_.call([&](api::Client& client) -> Result<Scrape> {
        Result<api::Status> status = client.status();
        if (!status) return std::unexpected(status.error());
        Scrape scrape;
        scrape.up = true;
        scrape.status = std::move(*status);
        if (!scrape.status.configured) return scrape;
        Result<api::Stats> stats = client.stats();
        if (!stats) return std::unexpected(stats.error());
        Result<std::vector<api::MapInfo>> maps = client.list_maps();
        if (!maps) return std::unexpected(maps.error());
        scrape.stats = std::move(*stats);
        scrape.maps = std::move(*maps);
        Result<std::vector<api::CaptureInfo>> captures = client.list_captures();
        if (!captures) return std::unexpected(captures.error());
        scrape.captures = std::move(*captures);
        if (now == nullptr) return scrape;
        for (const ExportConfig& metric : now->config.metrics.exports) {
            const std::string name = metric.program.value + "/" + metric.map.value;
            for (const api::MapInfo& map : scrape.maps) {
                if (map.name != name) continue;
                auto elements = dump_map(client, map.handle, kSeriesMax);
                if (elements) scrape.exports.push_back({metric, map, std::move(*elements)});
            }
        }
        return scrape;
    });
}

std::string LiveNode::metrics() {
    const Result<Scrape> scraped = scrape();
    return metrics_text(scraped ? *scraped : Scrape{});
}

}  // namespace weir::controlplane
