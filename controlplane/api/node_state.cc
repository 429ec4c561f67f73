#include "controlplane/api/node_state.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "controlplane/config/parse.h"
#include "controlplane/config/units.h"
#include "controlplane/telemetry/type_json.h"

namespace weir::controlplane {
namespace {

namespace fs = std::filesystem;

constexpr size_t kStateBytesMax = 128u << 20;
constexpr size_t kPolicyBytesMax = size_t{4} << 30;

std::string state_path(const std::string& run_dir) {
    return run_dir + "/control/state.json";
}

std::string next_path(const std::string& run_dir) {
    return run_dir + "/control/next.json";
}

/// Written beside it, flushed, renamed: a crash leaves the old file or the new one.
Result<void> replace_file(const std::string& path, std::string_view text) {
    const auto refused = [&] {
        return fail(ErrorKind::kResource,
                    fmt::format("{}: cannot write: {}", path, std::strerror(errno)));
    };
    const std::string draft = path + ".new";
    const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return refused();
    size_t done = 0;
    while (done < text.size()) {
        const ssize_t wrote = write(fd, text.data() + done, text.size() - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) break;
        done += static_cast<size_t>(wrote);
    }
    const bool flushed = done == text.size() && fsync(fd) == 0;
    if (close(fd) != 0 || !flushed || std::rename(draft.c_str(), path.c_str()) != 0) {
        const auto error = refused();
        unlink(draft.c_str());
        return error;
    }
    return {};
}

std::string policy_path(const std::string& run_dir) {
    return run_dir + "/control/policy.keys";
}

void trim_history(const std::string& folder) {
    std::vector<std::pair<uint64_t, fs::path>> kept;
    std::error_code problem;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, problem)) {
        const Result<uint64_t> number = parse_number(entry.path().stem().string());
        if (number && entry.path().extension() == ".yaml") kept.emplace_back(*number, entry.path());
    }
    std::sort(kept.begin(), kept.end());
    for (size_t i = 0; i + kHistoryMax < kept.size(); ++i) fs::remove(kept[i].second, problem);
}

std::string text_of(const Json& document, const char* key) {
    const auto found = document.find(key);
    return found != document.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
}

Result<void> write_document(const std::string& run_dir, const std::string& path,
                            const NodeState& state) {
    std::error_code problem;
    fs::create_directories(run_dir + "/control", problem);
    Json swapped = Json::object();
    for (const auto& [name, program] : state.swapped)
        swapped[name] = {{"object", program.object}, {"function", program.function}};
    Json identities = Json::object();
    for (const auto& [name, identity] : state.identities) identities[name] = identity;
    const Json document = {
        {"config_path", state.config_path}, {"config_text", state.config_text},
        {"swapped", std::move(swapped)},    {"hash", state.hash},
        {"generation", state.generation},   {"identities", std::move(identities)}};
    return replace_file(path,
                        document.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace));
}

Result<NodeState> read_document(const std::string& path) {
    std::error_code problem;
    if (!fs::exists(path, problem)) return fail(ErrorKind::kNotFound, path + ": does not exist");
    const Result<std::string> text = read_file(path, kStateBytesMax);
    if (!text) return std::unexpected(text.error());
    const Json document = Json::parse(*text, nullptr, false);
    if (!document.is_object()) return fail(ErrorKind::kInvalid, path + ": no JSON object");
    NodeState state;
    state.config_path = text_of(document, "config_path");
    state.config_text = text_of(document, "config_text");
    state.hash = text_of(document, "hash");
    if (document.contains("generation") && document["generation"].is_number_unsigned())
        state.generation = document["generation"];
    if (document.contains("swapped") && document["swapped"].is_object())
        for (const auto& [name, program] : document["swapped"].items())
            if (program.is_object())
                state.swapped[name] = {text_of(program, "object"), text_of(program, "function")};
    if (document.contains("identities") && document["identities"].is_object())
        for (const auto& [name, identity] : document["identities"].items())
            if (identity.is_string()) state.identities[name] = identity.get<std::string>();
    if (state.hash.empty() || state.config_path.empty())
        return fail(ErrorKind::kInvalid, path + ": is incomplete");
    return state;
}

}  // namespace

Result<void> write_state(const std::string& run_dir, const NodeState& state) {
    std::error_code problem;
    fs::create_directories(run_dir + "/history", problem);
    if (const Result<void> written = write_document(run_dir, state_path(run_dir), state); !written)
        return written;
    const std::string history = run_dir + "/history";
    const Result<void> kept =
        replace_file(fmt::format("{}/{}.yaml", history, state.generation), state.config_text);
    trim_history(history);
    return kept;
}

Result<NodeState> read_state(const std::string& run_dir) {
    return read_document(state_path(run_dir));
}

Result<void> write_next_state(const std::string& run_dir, const NodeState& state) {
    return write_document(run_dir, next_path(run_dir), state);
}

Result<NodeState> read_next_state(const std::string& run_dir) {
    return read_document(next_path(run_dir));
}

Result<void> write_policy_keys(const std::string& run_dir, const PolicyKeys& keys) {
    std::error_code problem;
    fs::create_directories(run_dir + "/control", problem);
    const Bytes bytes = encode_keys(keys);
    return replace_file(policy_path(run_dir),
                        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<PolicyKeys> read_policy_keys(const std::string& run_dir) {
    const std::string path = policy_path(run_dir);
    std::error_code problem;
    if (!fs::exists(path, problem)) return PolicyKeys{};
    const Result<std::string> text = read_file(path, kPolicyBytesMax);
    if (!text) return std::unexpected(text.error());
    Result<PolicyKeys> keys =
        decode_keys({reinterpret_cast<const uint8_t*>(text->data()), text->size()});
    if (!keys) return fail_in(path, keys.error());
    return keys;
}

Result<Config> effective_config(const NodeState& state) {
    Result<Config> config = parse_config(state.config_text, state.config_path);
    if (!config) return config;
    for (ProgramConfig& program : config->programs) {
        const auto swapped = state.swapped.find(program.name);
        if (swapped == state.swapped.end()) continue;
        program.object.value = swapped->second.object;
        if (!swapped->second.function.empty()) program.function.value = swapped->second.function;
    }
    return config;
}

}  // namespace weir::controlplane
