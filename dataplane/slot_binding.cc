// Programs in prog arrays, maps in maps: what may stand in a slot.

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "dataplane/registry.h"
#include "maps/target_map.h"

namespace weir::dataplane {
namespace {

std::unexpected<Error> refused(const LoadedMap& map, const Bytes& key, const std::string& why) {
    std::string digits;
    for (const uint8_t byte : key) fmt::format_to(std::back_inserter(digits), "{:02x}", byte);
    return fail(ErrorKind::kInvalid, fmt::format("{}: slot 0x{}: {}", map.label(), digits, why));
}

std::string reason_of(int error, const LoadedMap& map) {
    if (error == -ENODEV) return "there is no such worker";
    if (error == -EOVERFLOW) return "the queue would be longer than is possible";
    if (error == -E2BIG)
        return fmt::format("beyond the map's end or its room: max_entries is {}",
                           map.spec.entries_max);
    return std::strerror(-error);
}

/// As bpf_prog_map_compatible has it: programs that may run in each other's place.
std::string tail_call_difference(const vm::ProgramSpec& program, const vm::ProgramSpec& other) {
    if (program.has_frags != other.has_frags)
        return fmt::format("of {} and {}, which the map joins, only one is of xdp.frags",
                           program.name, other.name);
    if (program.hook != other.hook)
        return fmt::format("{} and {}, which the map joins, are for different hooks", program.name,
                           other.name);
    return {};
}

}  // namespace

const LoadedMap* Registry::slot_holder(const LoadedMap& inner) const {
    for (const auto& [handle, map] : maps_)
        if (vm::is_map_in_map(map->spec.type))
            for (const auto& [key, target] : map->slots)
                if (target == inner.handle) return map.get();
    return nullptr;
}

const LoadedMap* Registry::slot_holder(const LoadedProgram& program) const {
    for (const auto& [handle, map] : maps_)
        if (!vm::is_map_in_map(map->spec.type))
            for (const auto& [key, target] : map->slots)
                if (target == program.handle) return map.get();
    return nullptr;
}

std::vector<const LoadedProgram*> Registry::joined_by(const LoadedMap& map) const {
    std::vector<const LoadedProgram*> joined;
    for (const auto& [key, target] : map.slots) joined.push_back(programs_.at(target).get());
    for (const auto& [handle, program] : programs_)
        for (const auto& used : program->maps)
            if (used->handle == map.handle) joined.push_back(program.get());
    return joined;
}

Result<void> Registry::check_tail_calls(const LoadedMap& map, const vm::ProgramSpec& spec) const {
    for (const LoadedProgram* other : joined_by(map)) {
        const std::string difference = tail_call_difference(spec, other->verified->spec());
        if (!difference.empty())
            return fail(ErrorKind::kInvalid, fmt::format("{}: {}", map.label(), difference));
    }
    return {};
}

Result<void> Registry::check_engine(const LoadedMap& map, const LoadedProgram& program) const {
    for (const LoadedProgram* other : joined_by(map)) {
        if (other->compiled->engine() == program.compiled->engine()) continue;
        const bool interp_runs_it = program.compiled->engine() == jit::Engine::kInterp;
        return fail(ErrorKind::kResource,
                    fmt::format("{}: {} is machine code, {} could not be, and neither makes tail "
                                "calls into the other",
                                map.label(), interp_runs_it ? other->name : program.name,
                                interp_runs_it ? program.name : other->name));
    }
    return {};
}

Result<void> Registry::bind_program(LoadedMap& map, const Bytes& key, Handle target) {
    const auto found = program(target);
    if (!found) return refused(map, key, found.error().message);
    LoadedProgram& program = **found;
    if (map.published && !program.published)
        return refused(map, key, fmt::format("program {} is not in service", program.name));
    if (map.has_targets()) {
        if (const auto fits = program_for(map, key, target); !fits)
            return std::unexpected(fits.error());
        const int error = map.map->bind_program(key.data(), program.bound.get(), target);
        if (error != 0) return refused(map, key, reason_of(error, map));
        return {};
    }
    if (Result<void> fits = check_tail_calls(map, program.verified->spec()); !fits) return fits;
    if (Result<void> fits = check_engine(map, program); !fits) return fits;
    const int error = map.map->bind_program(key.data(), &program.runnable(), target);
    if (error != 0) return refused(map, key, reason_of(error, map));
    return {};
}

/// As dev_map and cpu_map look at it: a program made for such entries, with the packets of those
/// that lead there.
Result<std::shared_ptr<LoadedProgram>> Registry::program_for(const LoadedMap& map, const Bytes& key,
                                                             Handle target) const {
    auto found = program(target);
    if (!found) return refused(map, key, found.error().message);
    const vm::ProgramSpec& spec = (*found)->verified->spec();
    const bool is_cpumap = map.spec.type == vm::MapType::Cpumap;
    if (spec.hook != (is_cpumap ? vm::XdpHook::Cpumap : vm::XdpHook::Devmap))
        return refused(map, key,
                       fmt::format("program {} is not for entries of a {}: expected one of section "
                                   "xdp/{}",
                                   (*found)->name, vm::map_type_name(map.spec.type),
                                   is_cpumap ? "cpumap" : "devmap"));
    if (map.published && !(*found)->published)
        return refused(map, key, fmt::format("program {} is not in service", (*found)->name));
    for (const auto& [handle, user] : programs_)
        for (const auto& used : user->maps)
            if (used->handle == map.handle && user->verified->spec().has_frags != spec.has_frags)
                return refused(map, key,
                               fmt::format("of {} and {} only one is of xdp.frags", user->name,
                                           (*found)->name));
    return found;
}

Result<void> Registry::set_target(LoadedMap& map, const Bytes& key, const Bytes& value) {
    if (key.size() != map.spec.key_bytes || value.size() != map.spec.value_bytes)
        return refused(
            map, key,
            fmt::format("{} and {} bytes, expected a key of {} and a value of {}", key.size(),
                        value.size(), map.spec.key_bytes, map.spec.value_bytes));
    const maps::Target target = maps::Target::from(value.data(), value.size());
    const BoundProgram* bound = nullptr;
    if (target.program_id != 0) {
        const auto program = program_for(map, key, target.program_id);
        if (!program) return std::unexpected(program.error());
        bound = (*program)->bound.get();
    }
    const int error = static_cast<maps::TargetMap&>(*map.map).set_target(key.data(), target, bound);
    if (error != 0) return refused(map, key, reason_of(error, map));
    Bytes number_alone(value.size());
    maps::Target{target.number, 0}.copy_to(number_alone.data(), number_alone.size());
    map.policy.put(key, number_alone);
    map.slots.erase(key);
    if (bound != nullptr) map.slots[key] = target.program_id;
    return {};
}

/// What came along with a program for entries of devmaps and cpumaps: "fw/out" with "fw".
void Registry::adopt_companions(const std::set<Handle>& programs) {
    for (const Handle head : programs) {
        LoadedProgram& program = *programs_.at(head);
        if (program.owner == kNobody) continue;
        for (const auto& [handle, other] : programs_)
            if (other->owner == program.owner && other->name.starts_with(program.name + "/") &&
                other->verified->spec().hook != vm::XdpHook::Device)
                program.companions.insert(handle);
    }
}

/// Entries go on with the companion of the same name that came with what runs now.
void Registry::renew_targets() {
    std::map<std::string, Handle> fresh;
    for (const Handle head : running_)
        for (const Handle companion : programs_.at(head)->companions)
            if (programs_.contains(companion)) fresh[programs_.at(companion)->name] = companion;
    for (const auto& [handle, map] : maps_) {
        if (!map->has_targets()) continue;
        for (auto& [key, target] : map->slots) {
            const auto next = fresh.find(programs_.at(target)->name);
            if (next == fresh.end() || next->second == target) continue;
            const BoundProgram* bound = programs_.at(next->second)->bound.get();
            if (map->map->bind_program(key.data(), bound, next->second) == 0) target = next->second;
        }
    }
}

Result<void> Registry::bind_map(LoadedMap& map, const Bytes& key, Handle target) {
    const auto found = this->map(target);
    if (!found) return refused(map, key, found.error().message);
    const LoadedMap& inner = **found;
    if (map.published && !inner.published)
        return refused(map, key, fmt::format("map {} is not in service", inner.name));
    const int error = map.map->bind_map(key.data(), inner.map.get(), target);
    if (error == -EINVAL)
        return refused(map, key,
                       fmt::format("map {} has not the definition that the programs of {} rely on "
                                   "for its inner maps",
                                   inner.name, map.name));
    if (error != 0) return refused(map, key, reason_of(error, map));
    return {};
}

Result<void> Registry::bind(LoadedMap& map, const Bytes& key, Handle target) {
    if (!map.has_slots() && !map.has_targets())
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: a map of type {} has no slots for programs or maps",
                                map.label(), vm::map_type_name(map.spec.type)));
    if (key.size() != map.spec.key_bytes)
        return refused(
            map, key,
            fmt::format("a key of {} bytes, expected {}", key.size(), map.spec.key_bytes));
    Result<void> bound = vm::is_map_in_map(map.spec.type) ? bind_map(map, key, target)
                                                          : bind_program(map, key, target);
    if (!bound) return bound;
    map.slots[key] = target;
    sweep();
    return {};
}

}  // namespace weir::dataplane
