#include "dataplane/registry.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "dataplane/api/fields.h"
#include "dataplane/generation.h"
#include "maps/maps.h"

namespace weir::dataplane {
namespace {

static_assert(api::kProgramsMax <= kProgramSlotsMax);

constexpr uint32_t kDamagedFilesMax = 8;  ///< of one map, kept until somebody removes them

/// Adds `name` -> `handle`; an error where the name stands for another handle.
Result<void> claim(std::map<std::string, Handle>& names, const char* what, const std::string& name,
                   Handle handle) {
    const auto [entry, is_new] = names.emplace(name, handle);
    if (is_new || entry->second == handle) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("{} '{}' would stand for handles {} and {} in one generation", what,
                            name, entry->second, handle));
}

/// The map goes into service all the same: it works, but a restart would not find it.
void install_file(LoadedMap& map) {
    if (!map.file) return;
    const Result<void> installed = map.file->install(map.keep_old_file);
    if (!installed) spdlog::error("map {}: {}", map.name, installed.error().message);
}

}  // namespace

std::string LoadedMap::label() const {
    return fmt::format("map {} (handle {})", name, handle);
}

Registry::Registry(uint32_t cpu_slots, vm::Timers* timers, MapHome home)
    : cpu_slots_(cpu_slots),
      home_(std::move(home)),
      slots_(std::make_shared<SlotPool>(kProgramSlotsMax)),
      timers_(timers) {}

bool Registry::name_is_pending(Owner owner, const std::string& name) const {
    return std::ranges::any_of(maps_, [&](const auto& entry) {
        return entry.second->owner == owner && !entry.second->published &&
               entry.second->name == name;
    });
}

Result<Handle> Registry::create_map(Owner owner, const api::MapCreate& request) {
    if (request.name.empty()) return fail(ErrorKind::kInvalid, "a map needs a name");
    if (maps_.size() >= api::kMapsMax) {
        return fail(ErrorKind::kResource,
                    fmt::format("map {}: {} maps are alive, the most there may be", request.name,
                                api::kMapsMax));
    }
    if (name_is_pending(owner, request.name)) {
        return fail(
            ErrorKind::kInvalid,
            fmt::format("map {}: this connection has made one of that name already", request.name));
    }
    auto loaded = std::make_shared<LoadedMap>();
    loaded->name = request.name;
    loaded->spec = request.spec;
    loaded->persistence = request.persistence;
    const bool persists = request.persistence != api::Persistence::None;
    const Result<void> made = persists ? make_persisted(*loaded) : make_map(*loaded);
    if (!made) return fail_in("map " + request.name, made.error());
    loaded->handle = next_map_++;
    loaded->policy = PolicyLog(request.spec.key_bytes);
    loaded->owner = owner;
    maps_.emplace(loaded->handle, loaded);
    return loaded->handle;
}

Result<void> Registry::make_map(LoadedMap& loaded) const {
    maps::MapMemory memory(loaded.spec.name, home_.policy);
    Result<std::unique_ptr<vm::Map>> made = maps::create_map(loaded.spec, cpu_slots_, memory);
    if (!made) return std::unexpected(made.error());
    loaded.map = std::move(*made);
    return {};
}

Result<void> Registry::make_persisted(LoadedMap& loaded) const {
    if (home_.directory.empty())
        return fail(ErrorKind::kUnsupported, "persist: there is no directory for its file");
    const bool replaces = std::ranges::any_of(maps_, [&](const auto& entry) {
        return entry.second->name == loaded.name && entry.second->file &&
               entry.second->file->is_installed();
    });
    Result<maps::PersistedMap> opened = maps::open_persisted(
        loaded.spec, {.name = loaded.name,
                      .cpu_slots = cpu_slots_,
                      .directory = home_.directory,
                      .policy = home_.policy,
                      .fresh_if_changed = loaded.persistence == api::Persistence::Fresh,
                      .starts_empty = replaces});
    if (!opened) return std::unexpected(opened.error());
    loaded.file = std::move(opened->memory);
    loaded.map = std::move(opened->map);
    loaded.keep_old_file = opened->keep_old;
    loaded.salvaged = opened->salvaged;
    spdlog::log(opened->salvaged.torn == 0 ? spdlog::level::info : spdlog::level::warn,
                "map {}: {} elements of {} are back, {} were torn and are dropped", loaded.name,
                opened->salvaged.kept, loaded.file->path(), opened->salvaged.torn);
    if (!maps::is_memory_file_system(home_.directory))
        spdlog::warn(
            "map {}: {} is on a disk, whose writing back may pause workers; put run_dir on a tmpfs",
            loaded.name, loaded.file->path());
    return {};
}

Result<std::string> Registry::set_file_aside(const std::string& map_name) const {
    const std::string path = maps::map_file_path(home_.directory, map_name);
    for (uint32_t number = 1; number <= kDamagedFilesMax; ++number) {
        std::string aside = fmt::format("{}.damaged.{}", path, number);
        // Never over one that is there already.
        if (renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, aside.c_str(), RENAME_NOREPLACE) == 0)
            return aside;
        if (errno != EEXIST)
            return fail(ErrorKind::kResource,
                        fmt::format("{}: cannot be set aside: {}", path, std::strerror(errno)));
    }
    return fail(ErrorKind::kResource,
                fmt::format("{}: {} damaged files lie beside it, expected somebody to remove them",
                            path, kDamagedFilesMax));
}

Result<std::shared_ptr<LoadedMap>> Registry::map(Handle handle) const {
    const auto found = maps_.find(handle);
    if (found == maps_.end())
        return fail(ErrorKind::kNotFound, fmt::format("no map has handle {}", handle));
    return found->second;
}

std::vector<std::shared_ptr<LoadedMap>> Registry::maps_seen_by(Owner owner) const {
    std::vector<std::shared_ptr<LoadedMap>> seen;
    for (const auto& [handle, map] : maps_) {
        if (map->published || map->owner == owner) seen.push_back(map);
    }
    return seen;
}

Result<SlotLease> Registry::take_slot() {
    tend();
    const std::optional<uint32_t> slot = slots_->take();
    if (!slot || programs_.size() >= api::kProgramsMax) {
        if (slot) slots_->give_back(*slot);
        return fail(ErrorKind::kResource,
                    fmt::format("{} programs are alive, the most there may be", api::kProgramsMax));
    }
    return SlotLease(slots_, *slot);
}

Handle Registry::add_program(Owner owner, std::shared_ptr<LoadedProgram> program) {
    program->handle = next_program_++;
    program->owner = owner;
    const Handle handle = program->handle;
    programs_.emplace(handle, std::move(program));
    return handle;
}

Result<std::shared_ptr<LoadedProgram>> Registry::program(Handle handle) const {
    const auto found = programs_.find(handle);
    if (found == programs_.end())
        return fail(ErrorKind::kNotFound, fmt::format("no program has handle {}", handle));
    return found->second;
}

std::vector<std::shared_ptr<LoadedProgram>> Registry::published_programs() const {
    std::vector<std::shared_ptr<LoadedProgram>> list;
    for (const auto& [handle, program] : programs_) {
        if (program->published) list.push_back(program);
    }
    return list;
}

std::vector<std::shared_ptr<LoadedMap>> Registry::published_maps() const {
    std::vector<std::shared_ptr<LoadedMap>> list;
    for (const auto& [handle, map] : maps_) {
        if (map->published) list.push_back(map);
    }
    return list;
}

Result<void> Registry::check_publish(const std::set<Handle>& programs) {
    for (const Handle handle : programs)
        if (const auto found = program(handle); !found) return std::unexpected(found.error());
    adopt_companions(programs);
    std::map<std::string, Handle> program_names, map_names;
    const Reached reached = reach(programs, {});
    // Behind entries of maps that go on, old companions stay until the new ones take over.
    for (const Handle handle : reached.programs)
        if (programs_.at(handle)->verified->spec().hook == vm::XdpHook::Device)
            if (Result<void> own =
                    claim(program_names, "program", programs_.at(handle)->name, handle);
                !own)
                return own;
    for (const Handle handle : reached.maps)
        if (Result<void> own = claim(map_names, "map", maps_.at(handle)->name, handle); !own)
            return own;
    return {};
}

void Registry::published(const std::set<Handle>& programs) {
    rebind_timers(reach(programs, {}).programs);
    running_ = programs;
    adopt_companions(programs);
    renew_targets();
    sweep();
    for (const auto& [handle, map] : maps_)
        if (map->published) install_file(*map);
}

void Registry::disconnected(Owner owner) {
    for (const auto& [handle, map] : maps_) {
        if (map->owner == owner) map->owner = kNobody;
    }
    for (const auto& [handle, program] : programs_) {
        if (program->owner == owner) program->owner = kNobody;
    }
    sweep();
}

void Registry::exchange(LoadedMap& a, LoadedMap& b) {
    std::swap(maps_.at(a.handle), maps_.at(b.handle));
    std::swap(a.handle, b.handle);
    std::swap(a.owner, b.owner);
    std::swap(a.published, b.published);
}

std::shared_ptr<LoadedProgram> Registry::exchange(std::shared_ptr<LoadedProgram> program) {
    std::swap(programs_.at(program->handle), program);
    return program;
}

}  // namespace weir::dataplane
