#include "controlplane/config/parse.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "controlplane/config/units.h"
#include "vm/base/limits.h"

namespace weir::controlplane {
namespace {

constexpr std::array<KnownKey, 24> kTopKeys = {{
    {"version"},        {"run_dir"},       {"workers"},        {"memory"},
    {"ports"},          {"programs"},      {"maps"},           {"sets"},
    {"metrics"},        {"policy", false}, {"protect", false}, {"management", false},
    {"routes"},         {"neighbours"},    {"agent", false},   {"fleet", false},
    {"limits", false},  {"feeds", false},  {"bans", false},    {"log", false},
    {"capture", false}, {"guard", false},  {"rules", false},   {"jit"},
}};

void read_version(Reader& reader, const Node& root) {
    const Node* version = root.find("version");
    if (version == nullptr)
        return reader.refuse(root.place, "version", "missing, expected 'version: 1'");
    if (version->kind != NodeKind::Scalar || version->text != "1")
        reader.refuse_value(*version, "version", "1");
}

void read_root(Reader& reader, const Node& root, Config& config) {
    if (root.kind == NodeKind::Null)
        return reader.refuse(root.place, "", "empty, expected 'version: 1' and 'ports'");
    if (!reader.open_map(root, "", kTopKeys)) return;
    read_version(reader, root);
    config.run_dir.value = kDefaultRunDir;
    if (const Node* node = root.find("run_dir")) {
        config.run_dir = {resolve_path(config.folder, reader.text(*node, "run_dir")), node->place};
    }
    static const Node kEmpty;
    const auto section = [&](const char* key) -> const Node& {
        const Node* node = root.find(key);
        return node == nullptr ? kEmpty : *node;
    };
    read_workers(reader, section("workers"), config);
    read_memory(reader, section("memory"), config);
    read_jit(reader, section("jit"), config);
    if (root.find("ports") == nullptr)
        reader.refuse(root.place, "ports", "missing, expected at least one port");
    read_ports(reader, section("ports"), config);
    read_programs(reader, section("programs"), config);
    read_maps(reader, section("maps"), config);
    read_sets(reader, section("sets"), config);
    read_routes(reader, section("routes"), config);
    read_neighbours(reader, section("neighbours"), config);
    read_metrics(reader, section("metrics"), config);
    check_references(reader, config);
}

}  // namespace

std::string resolve_path(const std::string& folder, const std::string& path) {
    const std::filesystem::path given(path);
    if (given.is_absolute() || path.empty()) return path;
    return (std::filesystem::path(folder) / given).lexically_normal().string();
}

std::string resolve_device(const std::string& folder, const std::string& device) {
    constexpr std::array<std::string_view, 3> kFileKeys = {"rx_pcap=", "tx_pcap=", "xdp_prog="};
    std::string resolved;
    std::string_view rest = device;
    for (;;) {
        const size_t end = std::min(rest.find(','), rest.size());
        const std::string_view part = rest.substr(0, end);
        const auto is_file =
            std::find_if(kFileKeys.begin(), kFileKeys.end(),
                         [&](std::string_view key) { return part.starts_with(key); });
        if (is_file == kFileKeys.end())
            resolved += part;
        else
            resolved += std::string(*is_file) +
                        resolve_path(folder, std::string(part.substr(is_file->size())));
        if (end == rest.size()) return resolved;
        resolved += ',';
        rest.remove_prefix(end + 1);
    }
}

void read_workers(Reader& reader, const Node& node, Config& config) {
    constexpr std::array<KnownKey, 3> kKeys = {{{"lcores"}, {"idle"}, {"max"}}};
    config.workers.lcores = {{0}, node.place};
    if (!reader.open_map(node, "workers", kKeys)) return;
    if (const Node* lcores = node.find("lcores")) {
        const Result<std::vector<uint32_t>> list = parse_core_list(lcores->text, kWorkersMax);
        if (!list) return reader.refuse_value(*lcores, "workers.lcores", list.error().message);
        config.workers.lcores = {*list, lcores->place};
    }
    if (const Node* idle = node.find("idle"))
        config.workers.idle = reader.choice<dataplane::api::IdleMode>(
            *idle, "workers.idle",
            {{"poll", dataplane::api::IdleMode::Poll},
             {"adaptive", dataplane::api::IdleMode::Adaptive},
             {"monitor", dataplane::api::IdleMode::Monitor}});
    if (const Node* most = node.find("max"))
        config.workers.workers_max = static_cast<uint32_t>(
            reader.number(*most, "workers.max", config.workers.lcores.value.size(), kWorkersMax));
}

void read_memory(Reader& reader, const Node& node, Config& config) {
    constexpr std::array<KnownKey, 2> kKeys = {{{"hugepages"}, {"size"}}};
    using dataplane::api::HugepageMode;
    if (!reader.open_map(node, "memory", kKeys)) return;
    if (const Node* mode = node.find("hugepages"))
        config.memory.hugepages = reader.choice<HugepageMode>(*mode, "memory.hugepages",
                                                              {{"auto", HugepageMode::Auto},
                                                               {"required", HugepageMode::Required},
                                                               {"off", HugepageMode::Off}});
    if (const Node* size = node.find("size"))
        config.memory.size_bytes = reader.size_bytes(*size, "memory.size", 64u << 20, 1ull << 40);
}

void read_jit(Reader& reader, const Node& node, Config& config) {
    constexpr std::array<KnownKey, 2> kKeys = {{{"harden"}, {"symbols"}}};
    using dataplane::api::SymbolMode;
    if (!reader.open_map(node, "jit", kKeys)) return;
    if (const Node* harden = node.find("harden"))
        config.jit.harden = reader.boolean(*harden, "jit.harden");
    if (const Node* symbols = node.find("symbols"))
        config.jit.symbols = reader.choice<SymbolMode>(*symbols, "jit.symbols",
                                                       {{"none", SymbolMode::None},
                                                        {"perf", SymbolMode::Perf},
                                                        {"gdb", SymbolMode::Gdb},
                                                        {"all", SymbolMode::All}});
}

Result<Config> parse_config(const std::string& text, const std::string& path) {
    Config config;
    config.file = path;
    config.folder = std::filesystem::path(path).parent_path().string();
    if (config.folder.empty()) config.folder = ".";
    config.text = text;
    const Result<Node> root = parse_document(text, path);
    if (!root) return std::unexpected(root.error());
    Reader reader(path);
    read_root(reader, *root, config);
    if (!reader.ok()) return std::unexpected(reader.error());
    return config;
}

Result<Config> load_config(const std::string& path) {
    const Result<std::string> text = read_file(path, kConfigBytesMax);
    if (!text) return std::unexpected(text.error());
    return parse_config(*text, path);
}

const PortConfig* Config::find_port(std::string_view name) const {
    const auto found = std::find_if(ports.begin(), ports.end(),
                                    [&](const PortConfig& port) { return port.name == name; });
    return found == ports.end() ? nullptr : &*found;
}

const ProgramConfig* Config::find_program(std::string_view name) const {
    const auto found =
        std::find_if(programs.begin(), programs.end(),
                     [&](const ProgramConfig& program) { return program.name == name; });
    return found == programs.end() ? nullptr : &*found;
}

const SetConfig* Config::find_set(std::string_view name) const {
    const auto found = std::find_if(sets.begin(), sets.end(),
                                    [&](const SetConfig& set) { return set.name == name; });
    return found == sets.end() ? nullptr : &*found;
}

}  // namespace weir::controlplane
