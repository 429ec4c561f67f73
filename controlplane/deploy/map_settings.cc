#include "controlplane/deploy/map_settings.h"

#include <fmt/core.h>

#include <algorithm>

#include "controlplane/config/reader.h"
#include "controlplane/deploy/sha256.h"
#include "vm/program/definition.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

constexpr uint64_t kFirstValue = 1;  ///< of a set's prefixes
constexpr uint32_t kIpv4KeyBytes = 8;
constexpr uint32_t kIpv6KeyBytes = 20;

class MapSettings {
public:
    MapSettings(const Config& config, Bundle& bundle) : config_(config), bundle_(bundle) {}

    Result<void> apply() {
        for (const bool one_program : {false, true})
            for (const MapConfig& setting : config_.maps)
                if ((setting.name.find('/') != std::string::npos) == one_program)
                    if (const Result<void> done = apply_one(setting); !done) return done;
        for (const MapConfig& setting : config_.maps)
            if (!setting.shared_with.value.empty())
                if (const Result<void> done = share(setting); !done) return done;
        return {};
    }

private:
    std::unexpected<Error> refuse(const MapConfig& setting, const Place& place, const char* key,
                                  ErrorKind kind, const std::string& message) const {
        return fail_at(config_, place, "maps." + setting.name + key, kind, message);
    }

    static bool is_meant(const MapConfig& setting, const PlannedMap& map) {
        if (map.spec.is_global_data) return false;
        const std::string& name = setting.name;
        return map.name == name || (name.find('/') == std::string::npos &&
                                    map.name.substr(map.name.rfind('/') + 1) == name);
    }

    Result<void> apply_one(const MapConfig& setting) {
        for (PlannedMap& map : bundle_.maps) {
            if (!is_meant(setting, map)) continue;
            if (const Result<void> done = set_persistence(setting, map); !done) return done;
            if (const Result<void> done = set_first(setting, map); !done) return done;
        }
        return {};
    }

    Result<void> set_persistence(const MapConfig& setting, PlannedMap& map) {
        if (!setting.persistence) return {};
        map.persistence = setting.persistence->value;
        const std::string reason = vm::persist_refusal(map.spec);
        if (map.persistence == api::Persistence::None || reason.empty()) return {};
        return refuse(setting, setting.persistence->place, ".persist", ErrorKind::kUnsupported,
                      fmt::format("{} is a {} and cannot persist: {}", map.name,
                                  vm::map_type_name(map.spec.type), reason));
    }

    Result<void> set_first(const MapConfig& setting, PlannedMap& map) {
        if (setting.from.value.empty()) return {};
        const auto no = [&](const std::string& message) {
            return refuse(setting, setting.from.place, ".from", ErrorKind::kInvalid, message);
        };
        const vm::MapSpec& spec = map.spec;
        if (map.is_policy)
            return no(fmt::format("value '{}', but {} holds a set of its program's 'maps' already",
                                  setting.from.value, map.name));
        if (spec.type != vm::MapType::LpmTrie ||
            (spec.key_bytes != kIpv4KeyBytes && spec.key_bytes != kIpv6KeyBytes))
            return no(
                fmt::format("value '{}', expected {} to be an lpm_trie with keys of {} (IPv4) "
                            "or {} bytes (IPv6); it is a {} with keys of {}",
                            setting.from.value, map.name, kIpv4KeyBytes, kIpv6KeyBytes,
                            vm::map_type_name(spec.type), spec.key_bytes));
        map.first = first_of(*config_.find_set(setting.from.value), spec);
        if (map.first.size() <= spec.entries_max) return {};
        return no(fmt::format("{} prefixes, expected at most {} (max_entries of {})",
                              map.first.size(), spec.entries_max, map.name));
    }

    static std::vector<api::Element> first_of(const SetConfig& set, const vm::MapSpec& spec) {
        Bytes value(spec.value_bytes);
        value[0] = kFirstValue;
        std::vector<api::Element> elements;
        for (const Prefix& prefix : set.prefixes)
            if (prefix.is_ipv6 == (spec.key_bytes == kIpv6KeyBytes))
                elements.emplace_back(lpm_key(prefix), value);
        return elements;
    }

    // -- sharing ----------------------------------------------------------------------------------

    Result<size_t> find(const MapConfig& setting, const Place& place, const char* key,
                        const std::string& name) const {
        std::vector<std::string> names;
        for (size_t i = 0; i < bundle_.maps.size(); ++i) {
            if (bundle_.maps[i].name == name && !bundle_.maps[i].spec.is_global_data) return i;
            if (!bundle_.maps[i].spec.is_global_data) names.push_back(bundle_.maps[i].name);
        }
        const std::string near = did_you_mean(name, names);
        return refuse(setting, place, key, ErrorKind::kInvalid,
                      fmt::format("value '{}', expected a map that a program has{}", name,
                                  near.empty() ? "" : ", did you mean '" + near + "'?"));
    }

    Result<void> share(const MapConfig& setting) {
        const At<std::string>& with = setting.shared_with;
        const Result<size_t> own = find(setting, setting.place, "", setting.name);
        if (!own) return std::unexpected(own.error());
        const Result<size_t> other = find(setting, with.place, ".shared_with", with.value);
        if (!other) return std::unexpected(other.error());
        const auto no = [&](const std::string& message) {
            return refuse(setting, with.place, ".shared_with", ErrorKind::kInvalid,
                          fmt::format("value '{}': {}", with.value, message));
        };
        for (const MapConfig& another : config_.maps)
            if (another.name == with.value && !another.shared_with.value.empty())
                return no(
                    fmt::format("that one is shared with {} (line {}), expected a map of its "
                                "own",
                                another.shared_with.value, another.shared_with.place.line));
        const std::string difference =
            vm::definition_difference(bundle_.maps[*other].spec, bundle_.maps[*own].spec);
        if (!difference.empty())
            return no(fmt::format("{} has another definition ({})", setting.name, difference));
        if (bundle_.maps[*own].is_policy)
            return no(
                fmt::format("{} is filled from a set; fill {} instead", setting.name, with.value));
        take_place(setting, *own, *other);
        return {};
    }

    /// Programs that go on keep their maps, so that sharing is part of what a program is.
    void take_place(const MapConfig& setting, size_t own, size_t other) {
        const std::string program = setting.name.substr(0, setting.name.find('/'));
        for (PlannedProgram& planned : bundle_.programs) {
            if (planned.group != program) continue;
            std::ranges::replace(planned.maps, own, other);
            planned.identity = sha256_hex(
                fmt::format("{} {}={}", planned.identity, setting.name, setting.shared_with.value));
        }
    }

    const Config& config_;
    Bundle& bundle_;
};

}  // namespace

Result<void> apply_map_settings(const Config& config, Bundle& bundle) {
    return MapSettings(config, bundle).apply();
}

}  // namespace weir::controlplane
