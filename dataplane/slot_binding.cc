// Programs in prog arrays, maps in maps: what may stand in a slot.

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "dataplane/registry.h"

namespace weir::dataplane {
namespace {

std::unexpected<Error> refused(const LoadedMap& map, const Bytes& key, const std::string& why) {
    std::string digits;
    for (const uint8_t byte : key) fmt::format_to(std::back_inserter(digits), "{:02x}", byte);
    return fail(ErrorKind::kInvalid, fmt::format("{}: slot 0x{}: {}", map.label(), digits, why));
}

std::string reason_of(int error, const LoadedMap& map) {
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
        if (map->spec.type == vm::MapType::ProgArray)
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
    if (Result<void> fits = check_tail_calls(map, program.verified->spec()); !fits) return fits;
    if (Result<void> fits = check_engine(map, program); !fits) return fits;
    const int error = map.map->bind_program(key.data(), &program.runnable(), target);
    if (error != 0) return refused(map, key, reason_of(error, map));
    return {};
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
    if (!map.has_slots())
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: a map of type {} has no slots for programs or maps",
                                map.label(), vm::map_type_name(map.spec.type)));
    if (key.size() != map.spec.key_bytes)
        return refused(
            map, key,
            fmt::format("a key of {} bytes, expected {}", key.size(), map.spec.key_bytes));
    const bool holds_programs = map.spec.type == vm::MapType::ProgArray;
    Result<void> bound =
        holds_programs ? bind_program(map, key, target) : bind_map(map, key, target);
    if (!bound) return bound;
    map.slots[key] = target;
    sweep();
    return {};
}

}  // namespace weir::dataplane
