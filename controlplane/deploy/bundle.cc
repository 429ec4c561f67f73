#include "controlplane/deploy/bundle.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <set>

#include "controlplane/config/parse.h"
#include "controlplane/deploy/map_settings.h"
#include "controlplane/deploy/map_sync.h"
#include "controlplane/deploy/sha256.h"
#include "vm/base/limits.h"
#include "vm/elf/elf.h"
#include "vm/verifier/verifier.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

/// An object file in memory; programs of one config often share it.
struct ObjectFile {
    std::string path;
    Bytes bytes;
    std::string hash;
};

class BundleBuilder {
public:
    BundleBuilder(const Config& config, vm::VerdictCache& verdicts)
        : config_(config), verdicts_(verdicts) {}

    Result<Bundle> build() {
        bundle_.configure = make_configure(config_);
        for (const ProgramConfig& program : config_.programs)
            if (const Result<void> added = add_program(program); !added)
                return std::unexpected(added.error());
        if (const Result<void> used = check_map_settings(); !used)
            return std::unexpected(used.error());
        if (const Result<void> set = apply_map_settings(config_, bundle_); !set)
            return std::unexpected(set.error());
        if (const Result<void> exports = check_exports(); !exports)
            return std::unexpected(exports.error());
        for (const PortConfig& port : config_.ports) {
            add_chain(port.name, false, port.ingress);
            add_chain(port.name, true, port.egress);
        }
        bundle_.routes = make_routes(config_);
        bundle_.neighbours = make_neighbours(config_);
        bundle_.hash = hash();
        return std::move(bundle_);
    }

private:
    Result<void> add_program(const ProgramConfig& program) {
        const std::string key = "programs." + program.name;
        const auto refuse = [&](const Error& error) {
            return fail_at(config_, program.object.place, key + ".object", error.kind,
                           error.message);
        };
        const Result<const ObjectFile*> file = read_object(program.object.value);
        if (!file) return refuse(file.error());
        const Result<vm::LoadOptions> options = load_options(program, **file);
        if (!options) return refuse(options.error());
        Result<vm::ObjectSpec> object = vm::load_object((*file)->bytes, *options);
        if (!object)
            return refuse({object.error().kind, (*file)->path + ": " + object.error().message});
        for (const std::string& notice : object->notices)
            bundle_.notices.push_back((*file)->path + ": " + notice);
        Result<vm::ProgramSpec> spec = pick_program(program, *object);
        if (!spec) return std::unexpected(spec.error());
        const Result<SlotPlan> plan = plan_slots(*object, *spec);
        if (!plan) return refuse(plan.error());
        return add_group(program, **file, *plan);
    }

    /// The program and what comes along with it.
    Result<void> add_group(const ProgramConfig& program, const ObjectFile& file,
                           const SlotPlan& plan) {
        const size_t first_program = bundle_.programs.size(), first_map = bundle_.maps.size();
        const std::string identity = identity_of(plan, program.skip_on_fault);
        for (size_t i = 0; i < plan.programs.size(); ++i) {
            PlannedProgram planned;
            planned.group = program.name;
            planned.spec = *plan.programs[i];
            planned.name = i == 0 ? program.name : program.name + "/" + planned.spec.name;
            planned.object = file.path;
            planned.object_hash = file.hash;
            planned.skip_on_fault = program.skip_on_fault;
            planned.identity = identity;
            if (const Result<void> proven = prove(program, planned); !proven) return proven;
            for (const vm::MapSpec& map : planned.spec.maps)
                planned.maps.push_back(first_map + plan.index_of(map.name));
            bundle_.programs.push_back(std::move(planned));
        }
        for (size_t i = 0; i < plan.maps.size(); ++i) {
            const vm::MapSpec& spec = *plan.maps[i];
            PlannedMap planned{program.name + "/" + spec.name, spec, false, {}, plan.slots[i]};
            for (PlannedSlot& slot : planned.slots)
                slot.target += vm::is_map_in_map(spec.type) ? first_map : first_program;
            bundle_.maps.push_back(std::move(planned));
        }
        return fill_maps(program, first_map);
    }

    static std::string identity_of(const SlotPlan& plan, bool skip_on_fault) {
        ByteWriter writer;
        for (const vm::ProgramSpec* program : plan.programs)
            vm::write_program_spec(writer, *program);
        for (const vm::MapSpec* map : plan.maps) vm::write_map_spec(writer, *map);
        writer.write(static_cast<uint8_t>(skip_on_fault));
        return sha256_hex(writer.bytes());
    }

    Result<const ObjectFile*> read_object(const std::string& path) {
        for (const std::unique_ptr<ObjectFile>& file : files_)
            if (file->path == path) return file.get();
        const Result<std::string> text = read_file(path, kObjectBytesMax);
        if (!text) return std::unexpected(text.error());
        auto file = std::make_unique<ObjectFile>();
        file->path = path;
        file->bytes.assign(text->begin(), text->end());
        file->hash = sha256_hex(file->bytes);
        files_.push_back(std::move(file));
        return files_.back().get();
    }

    /// Globals, and the sizes that `maps` gives to maps that this object has.
    Result<vm::LoadOptions> load_options(const ProgramConfig& program, const ObjectFile& file) {
        vm::LoadOptions options;
        options.btf_path = program.btf;
        for (const auto& [name, value] : program.globals) options.globals[name] = value.value;
        if (config_.maps.empty()) return options;
        vm::LoadOptions names_only;
        names_only.btf_path = program.btf;
        names_only.assume_entries_max = 1;
        const Result<vm::ObjectSpec> object = vm::load_object(file.bytes, names_only);
        if (!object) return fail(object.error().kind, file.path + ": " + object.error().message);
        for (const vm::MapSpec& map : object->maps) {
            if (map.is_global_data) continue;
            for (const MapConfig& setting : config_.maps) {
                if (setting.name != map.name && setting.name != program.name + "/" + map.name)
                    continue;
                if (setting.entries_max != 0)
                    options.map_entries_max[map.name] = setting.entries_max;
                used_settings_.insert(setting.name);
            }
        }
        return options;
    }

    /// Of programs that would be of the right type.
    static std::string why_none(const vm::ObjectSpec& object) {
        std::string text;
        for (const vm::UnsupportedProgram& spec : object.unsupported)
            if (spec.type == vm::program_type_name(vm::ProgramType::Xdp))
                text += fmt::format("; '{}' is not offered: {}", spec.name, spec.reason);
        return text;
    }

    Result<vm::ProgramSpec> pick_program(const ProgramConfig& program,
                                         const vm::ObjectSpec& object) {
        const std::string key = "programs." + program.name;
        std::vector<std::string> names;
        std::string all;
        for (const vm::ProgramSpec& spec : object.programs) {
            if (spec.type != vm::ProgramType::Xdp) continue;
            names.push_back(spec.name);
            all += (all.empty() ? "" : ", ") + spec.name;
        }
        if (names.empty())
            return fail_at(
                config_, program.object.place, key + ".object", ErrorKind::kInvalid,
                fmt::format(
                    "value '{}', expected an object with an XDP program (section \"xdp\"){}",
                    program.object.value, why_none(object)));
        if (program.function.value.empty() && names.size() > 1)
            return fail_at(config_, program.place, key + ".program", ErrorKind::kInvalid,
                           "missing, expected one of " + all);
        const std::string wanted =
            program.function.value.empty() ? names[0] : program.function.value;
        for (const vm::ProgramSpec& spec : object.programs)
            if (spec.type == vm::ProgramType::Xdp && spec.name == wanted) return spec;
        for (const vm::UnsupportedProgram& spec : object.unsupported)
            if (spec.name == wanted)
                return fail_at(config_, program.function.place, key + ".program",
                               ErrorKind::kUnsupported,
                               fmt::format("'{}' is not offered: {}", wanted, spec.reason));
        return fail_at(config_, program.function.place, key + ".program", ErrorKind::kInvalid,
                       fmt::format("value '{}', expected one of {}", wanted, all));
    }

    Result<void> prove(const ProgramConfig& program, PlannedProgram& planned) {
        const auto start = std::chrono::steady_clock::now();
        const vm::Verdict proof = verdicts_.verify(planned.spec);
        const auto spent = std::chrono::steady_clock::now() - start;
        planned.verify_us = static_cast<uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
        if (!proof) {
            const vm::Rejection& why = proof.error();
            const std::string line = why.line.empty() ? "" : ", " + why.line;
            return fail_at(
                config_, program.place, "programs." + program.name, ErrorKind::kRejected,
                fmt::format("{} of {} is rejected: {}: {} (insn {}{}); {}", planned.spec.name,
                            planned.object, why.rule, why.message, why.insn, line, why.hint));
        }
        planned.visited_insns = proof->visited_insns;
        return {};
    }

    /// Maps of the program's group are those from `first_map` on.
    Result<void> fill_maps(const ProgramConfig& program, size_t first_map) {
        for (const MapFill& fill : program.fills) {
            const std::string key = fmt::format("programs.{}.maps.{}", program.name, fill.map);
            PlannedMap* map = nullptr;
            std::vector<std::string> names;
            for (size_t index = first_map; index < bundle_.maps.size(); ++index) {
                names.push_back(bundle_.maps[index].spec.name);
                if (names.back() == fill.map) map = &bundle_.maps[index];
            }
            if (map == nullptr) {
                const std::string near = did_you_mean(fill.map, names);
                return fail_at(
                    config_, fill.place, key, ErrorKind::kInvalid,
                    fmt::format("value '{}', expected a map of {}{}", fill.map, program.name,
                                near.empty() ? "" : ", did you mean '" + near + "'?"));
            }
            if (const Result<void> filled = fill_map(fill, key, *map); !filled) return filled;
        }
        return {};
    }

    Result<void> fill_map(const MapFill& fill, const std::string& key, PlannedMap& map) {
        const auto refuse = [&](const std::string& message) {
            return fail_at(config_, fill.place, key, ErrorKind::kInvalid, message);
        };
        const uint32_t key_bytes = fill.family == Family::Ipv6 ? 20 : 8;
        if (map.spec.type != vm::MapType::LpmTrie)
            return refuse(fmt::format("map type {}, expected lpm_trie for a set of prefixes",
                                      vm::map_type_name(map.spec.type)));
        if (map.spec.key_bytes != key_bytes)
            return refuse(fmt::format("keys of {} bytes, expected {} for family {}",
                                      map.spec.key_bytes, key_bytes,
                                      fill.family == Family::Ipv6 ? "ipv6" : "ipv4"));
        if (map.spec.value_bytes < 8 && (fill.value >> (8 * map.spec.value_bytes)) != 0)
            return refuse(fmt::format("value {}, expected one that fits in {} bytes", fill.value,
                                      map.spec.value_bytes));
        Bytes value(map.spec.value_bytes);
        std::memcpy(value.data(), &fill.value, std::min<size_t>(value.size(), sizeof fill.value));
        map.is_policy = true;
        for (const Prefix& prefix : config_.find_set(fill.set.value)->prefixes)
            if (prefix.is_ipv6 == (fill.family == Family::Ipv6))
                map.contents.emplace_back(lpm_key(prefix), value);
        std::sort(map.contents.begin(), map.contents.end(),
                  [](const api::Element& a, const api::Element& b) {
                      return KeyLess()(a.first, b.first);
                  });
        if (map.contents.size() > map.spec.entries_max)
            return refuse(fmt::format("{} prefixes, expected at most {} (maps.{}.max_entries)",
                                      map.contents.size(), map.spec.entries_max, map.name));
        return {};
    }

    Result<void> check_map_settings() {
        for (const MapConfig& setting : config_.maps)
            if (!used_settings_.contains(setting.name))
                return fail_at(
                    config_, setting.place, "maps." + setting.name, ErrorKind::kInvalid,
                    fmt::format("value '{}', expected a map that a program has", setting.name));
        return {};
    }

    Result<void> check_exports() {
        for (size_t i = 0; i < config_.metrics.exports.size(); ++i) {
            const ExportConfig& metric = config_.metrics.exports[i];
            const std::string key = fmt::format("metrics.export[{}].", i);
            const std::string name = metric.program.value + "/" + metric.map.value;
            const auto map =
                std::find_if(bundle_.maps.begin(), bundle_.maps.end(),
                             [&](const PlannedMap& planned) { return planned.name == name; });
            if (map == bundle_.maps.end())
                return fail_at(config_, metric.map.place, key + "map", ErrorKind::kInvalid,
                               fmt::format("value '{}', expected a map of program {}",
                                           metric.map.value, metric.program.value));
            if (const std::string problem = export_problem(metric, map->spec); !problem.empty())
                return fail_at(config_, metric.place, key + "value", ErrorKind::kInvalid, problem);
        }
        return {};
    }

    static bool has_member(const vm::TypeRef& type, const std::string& name) {
        return type != nullptr && std::any_of(type->members.begin(), type->members.end(),
                                              [&](const vm::TypeMember& member) {
                                                  return member.name.empty()
                                                             ? has_member(member.type, name)
                                                             : member.name == name;
                                              });
    }

    /// Members that labels and value name must be in the types.
    static std::string export_problem(const ExportConfig& metric, const vm::MapSpec& map) {
        if (!metric.value.value.empty() && !has_member(map.value_type, metric.value.value))
            return fmt::format("value '{}', expected a member of the value of {}",
                               metric.value.value, map.name);
        if (metric.value.value.empty() && map.value_bytes > 8)
            return fmt::format("missing, expected a member of the value of {} ({} bytes)", map.name,
                               map.value_bytes);
        for (const ExportLabel& label : metric.labels)
            if (!label.member.empty() && !has_member(map.key_type, label.member))
                return fmt::format("label '{}': 'key.{}', expected a member of the key of {}",
                                   label.name, label.member, map.name);
        return {};
    }

    void add_chain(const std::string& port, bool egress,
                   const std::vector<At<std::string>>& names) {
        if (names.empty()) return;
        PlannedChain chain{port, egress, {}};
        for (const At<std::string>& name : names) {
            const auto found = std::find_if(
                bundle_.programs.begin(), bundle_.programs.end(),
                [&](const PlannedProgram& program) { return program.name == name.value; });
            for (PlannedProgram& program : bundle_.programs)
                if (program.group == found->group) program.in_chain = true;
            chain.programs.push_back(static_cast<size_t>(found - bundle_.programs.begin()));
        }
        bundle_.chains.push_back(std::move(chain));
    }

    std::string hash() const {
        std::string all = config_.text;
        for (const PlannedProgram& program : bundle_.programs)
            all += fmt::format("\n{} {} {} {}", program.name, program.object, program.spec.name,
                               program.identity);
        for (const PlannedMap& map : bundle_.maps) {
            if (!map.is_policy) continue;
            ByteWriter writer;
            for (const auto& [key, value] : map.contents) {
                writer.write_sized(key);
                writer.write_sized(value);
            }
            all += fmt::format("\n{} {}", map.name, sha256_hex(writer.bytes()));
        }
        return sha256_hex(all);
    }

    const Config& config_;
    vm::VerdictCache& verdicts_;
    Bundle bundle_;
    std::vector<std::unique_ptr<ObjectFile>> files_;
    std::set<std::string> used_settings_;
};

}  // namespace

std::unexpected<Error> fail_at(const Config& config, const Place& place, const std::string& key,
                               ErrorKind kind, const std::string& message) {
    return fail(
        kind, fmt::format("{}:{}:{}: {}: {}", config.file, place.line, place.column, key, message));
}

Result<Bundle> build_bundle(const Config& config, vm::VerdictCache& verdicts) {
    return BundleBuilder(config, verdicts).build();
}

}  // namespace weir::controlplane
