// The sections `programs` and `maps`.

#include <fmt/core.h>

#include <array>

#include "controlplane/config/parse.h"
#include "vm/base/limits.h"

namespace weir::controlplane {
namespace {

constexpr std::array<KnownKey, 8> kProgramKeys = {{{"object"},
                                                   {"program"},
                                                   {"globals"},
                                                   {"maps"},
                                                   {"on_fault"},
                                                   {"budget", false},
                                                   {"filter", false},
                                                   {"btf"}}};
constexpr std::array<KnownKey, 5> kMapKeys = {
    {{"max_entries"}, {"persist"}, {"if_changed"}, {"shared_with"}, {"from"}}};

void read_fill(Reader& reader, const NodeEntry& entry, const std::string& path,
               ProgramConfig& program) {
    constexpr std::array<KnownKey, 3> kKeys = {{{"set"}, {"family"}, {"value"}}};
    const std::string key = join_key(path, entry.key);
    const Node& node = entry.value;
    if (!reader.open_map(node, key, kKeys)) return;
    const Node* set = node.find("set");
    if (set == nullptr)
        return reader.refuse(entry.key_place, key + ".set", "missing, expected the name of a set");
    MapFill fill;
    fill.map = entry.key;
    fill.place = entry.key_place;
    fill.set = {reader.text(*set, key + ".set"), set->place};
    const Node* family = node.find("family");
    if (family == nullptr)
        return reader.refuse(entry.key_place, key + ".family", "missing, expected ipv4 or ipv6");
    fill.family = reader.choice<Family>(*family, key + ".family",
                                        {{"ipv4", Family::Ipv4}, {"ipv6", Family::Ipv6}});
    if (const Node* value = node.find("value"))
        fill.value = reader.number(*value, key + ".value", 0, UINT64_MAX);
    program.fills.push_back(std::move(fill));
}

void read_globals(Reader& reader, const Node& node, const std::string& key,
                  ProgramConfig& program) {
    if (!reader.open_names(node, key)) return;
    for (const NodeEntry& entry : node.entries) {
        const std::string global = join_key(key, entry.key);
        if (entry.value.kind != NodeKind::Scalar)
            return reader.refuse_value(entry.value, global, "a number or a text");
        program.globals[entry.key] = {entry.value.text, entry.value.place};
    }
}

void read_program(Reader& reader, const NodeEntry& entry, Config& config) {
    const std::string key = "programs." + entry.key;
    const Node& node = entry.value;
    if (entry.key.find('/') != std::string::npos)
        return reader.refuse(entry.key_place, key, "a program's name has no '/'");
    if (!reader.open_map(node, key, kProgramKeys)) return;
    ProgramConfig program;
    program.name = entry.key;
    program.place = entry.key_place;
    const Node* object = node.find("object");
    if (object == nullptr)
        return reader.refuse(entry.key_place, key + ".object",
                             "missing, expected the path of an eBPF object file");
    program.object = {resolve_path(config.folder, reader.text(*object, key + ".object")),
                      object->place};
    if (const Node* function = node.find("program"))
        program.function = {reader.text(*function, key + ".program"), function->place};
    if (const Node* btf = node.find("btf"))
        program.btf = resolve_path(config.folder, reader.text(*btf, key + ".btf"));
    if (const Node* fault = node.find("on_fault"))
        program.skip_on_fault =
            reader.choice<bool>(*fault, key + ".on_fault", {{"fail", false}, {"skip", true}});
    if (const Node* globals = node.find("globals"))
        read_globals(reader, *globals, key + ".globals", program);
    if (const Node* maps = node.find("maps");
        maps != nullptr && reader.open_names(*maps, key + ".maps"))
        for (const NodeEntry& map : maps->entries) read_fill(reader, map, key + ".maps", program);
    config.programs.push_back(std::move(program));
}

/// `if_changed`: what becomes of a file of another definition.
void read_persistence(Reader& reader, const Node& node, const std::string& key, MapConfig& map) {
    using dataplane::api::Persistence;
    const Node* persist = node.find("persist");
    const Node* changed = node.find("if_changed");
    if (persist != nullptr)
        map.persistence = {
            reader.boolean(*persist, key + ".persist") ? Persistence::Keep : Persistence::None,
            persist->place};
    if (changed == nullptr) return;
    const bool fresh =
        reader.choice<bool>(*changed, key + ".if_changed", {{"refuse", false}, {"fresh", true}});
    if (!map.persistence || map.persistence->value == Persistence::None)
        return reader.refuse(changed->place, key + ".if_changed",
                             "means nothing without 'persist: true'");
    if (fresh) map.persistence->value = Persistence::Fresh;
}

/// A map that is another program's has nothing of its own to say.
void read_sharing(Reader& reader, const Node& node, const std::string& key, MapConfig& map) {
    const Node* shared = node.find("shared_with");
    if (shared == nullptr) return;
    map.shared_with = {reader.text(*shared, key + ".shared_with"), shared->place};
    if (map.name.find('/') == std::string::npos)
        return reader.refuse(map.place, key,
                             fmt::format("value '{}', expected PROGRAM/MAP: only one program's map "
                                         "can be shared with another's",
                                         map.name));
    const std::string& with = map.shared_with.value;
    const size_t slash = with.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == with.size() || with == map.name)
        return reader.refuse_value(*shared, key + ".shared_with",
                                   "PROGRAM/MAP, a map of another program");
    for (const char* other : {"persist", "from"})
        if (const Node* extra = node.find(other))
            return reader.refuse(extra->place, key + "." + other,
                                 fmt::format("belongs to {}, which this map is", with));
}

void read_map(Reader& reader, const NodeEntry& entry, Config& config) {
    const std::string key = "maps." + entry.key;
    const Node& node = entry.value;
    if (!reader.open_map(node, key, kMapKeys)) return;
    MapConfig map;
    map.name = entry.key;
    map.place = entry.key_place;
    if (node.entries.empty())
        return reader.refuse(entry.key_place, key,
                             "empty, expected max_entries, persist, shared_with or from");
    if (const Node* most = node.find("max_entries"))
        map.entries_max =
            static_cast<uint32_t>(reader.number(*most, key + ".max_entries", 1, UINT32_MAX));
    read_persistence(reader, node, key, map);
    read_sharing(reader, node, key, map);
    if (const Node* from = node.find("from"))
        map.from = {reader.text(*from, key + ".from"), from->place};
    config.maps.push_back(std::move(map));
}

}  // namespace

void read_programs(Reader& reader, const Node& node, Config& config) {
    if (!reader.open_names(node, "programs")) return;
    if (node.entries.size() > kProgramsMax)
        return reader.refuse(
            node.place, "programs",
            fmt::format("{} programs, expected at most {}", node.entries.size(), kProgramsMax));
    for (const NodeEntry& entry : node.entries) {
        read_program(reader, entry, config);
        if (!reader.ok()) return;
    }
}

void read_maps(Reader& reader, const Node& node, Config& config) {
    if (!reader.open_names(node, "maps")) return;
    for (const NodeEntry& entry : node.entries) {
        read_map(reader, entry, config);
        if (!reader.ok()) return;
    }
}

}  // namespace weir::controlplane
