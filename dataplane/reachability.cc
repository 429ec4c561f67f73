// What keeps what alive: the registry's slots, and the end of what nobody reaches.

#include <algorithm>
#include <iterator>
#include <utility>

#include "dataplane/registry.h"
#include "maps/cpumap.h"

namespace weir::dataplane {
namespace {

/// The function of `next` that goes on where `function` of `from` was, if it is proven for timers
/// in values of `map`.
vm::Timers::Callback same_callback(const LoadedProgram& from, const LoadedProgram& next,
                                   const vm::Map& map, uint64_t function) {
    const auto& functions = from.verified->spec().subprograms;
    const auto old = std::ranges::find_if(functions, [&](const vm::Subprogram& candidate) {
        return from.runnable().function_address(candidate.insn) == function;
    });
    if (old == functions.end()) return {};
    for (const vm::TimerCallback& callback : next.verified->proof().timer_callbacks) {
        const vm::Subprogram& candidate = next.verified->spec().subprograms[callback.subprogram];
        if (candidate.name == old->name && next.maps[callback.map]->map.get() == &map)
            return {&next.runnable(), next.runnable().function_address(candidate.insn)};
    }
    return {};
}

bool has_timers(const LoadedProgram& program) {
    return !program.verified->proof().timer_callbacks.empty();
}

}  // namespace

Registry::Reached Registry::reach(std::set<Handle> programs, std::set<Handle> maps) const {
    std::vector<Handle> new_programs(programs.begin(), programs.end());
    std::vector<Handle> new_maps(maps.begin(), maps.end());
    const auto see = [](std::set<Handle>& seen, std::vector<Handle>& fresh, Handle handle) {
        if (seen.insert(handle).second) fresh.push_back(handle);
    };
    while (!new_programs.empty() || !new_maps.empty()) {
        for (const Handle handle : std::exchange(new_programs, {})) {
            const LoadedProgram& program = *programs_.at(handle);
            for (const auto& map : program.maps) see(maps, new_maps, map->handle);
            for (const Handle companion : program.companions)
                if (programs_.contains(companion)) see(programs, new_programs, companion);
        }
        for (const Handle handle : std::exchange(new_maps, {})) {
            const LoadedMap& map = *maps_.at(handle);
            const bool leads_to_maps = vm::is_map_in_map(map.spec.type);
            for (const auto& [key, target] : map.slots) {
                if (leads_to_maps)
                    see(maps, new_maps, target);
                else
                    see(programs, new_programs, target);
            }
        }
    }
    return {std::move(maps), std::move(programs)};
}

void Registry::sweep() {
    const Reached in_service = reach(running_, {});
    std::set<Handle> programs = in_service.programs, maps = in_service.maps;
    for (const auto& [handle, program] : programs_) {
        program->published = in_service.programs.contains(handle);
        if (program->published) program->owner = kNobody;
        if (program->owner != kNobody) programs.insert(handle);
    }
    for (const auto& [handle, map] : maps_) {
        map->published = in_service.maps.contains(handle);
        if (map->published) map->owner = kNobody;
        if (map->owner != kNobody) maps.insert(handle);
    }
    const Reached live = reach(std::move(programs), std::move(maps));
    std::vector<Grave> dead;
    for (const auto& [handle, program] : programs_)
        if (!live.programs.contains(handle)) dead.push_back({0, nullptr, program});
    for (const auto& [handle, map] : maps_)
        if (!live.maps.contains(handle)) dead.push_back({0, map, nullptr});
    std::erase_if(programs_,
                  [&](const auto& entry) { return !live.programs.contains(entry.first); });
    std::erase_if(maps_, [&](const auto& entry) { return !live.maps.contains(entry.first); });
    for (Grave& grave : dead) {
        (void)timers_are_gone(grave);
        if (grave.map && grave.map->spec.type == vm::MapType::Cpumap)
            static_cast<maps::Cpumap&>(*grave.map->map).retire();
    }
    const maps::GraceToken token = dead.empty() ? 0 : maps::begin_grace();
    for (Grave& grave : dead) {
        grave.token = token;
        graves_.push_back(std::move(grave));
    }
    tend();
}

/// A callback that runs while its timers are cancelled can set one again.
bool Registry::timers_are_gone(const Grave& grave) const {
    if (timers_ == nullptr || timers_->in_use() == 0) return true;
    if (grave.map) {
        const bool holds_timers = grave.map->spec.timer_offset != vm::kNoOffset;
        return !holds_timers || timers_->drop_map(*grave.map->map) == 0;
    }
    return !has_timers(*grave.program) || timers_->drop_program(grave.program->runnable()) == 0;
}

size_t Registry::tend() {
    for (Grave& grave : graves_) {
        if (!maps::grace_passed(grave.token)) continue;
        if (!timers_are_gone(grave)) {
            grave.token = maps::begin_grace();
            continue;
        }
        grave.map.reset();
        grave.program.reset();
    }
    std::erase_if(graves_, [](const Grave& grave) { return !grave.map && !grave.program; });
    return graves_.size();
}

void Registry::replaced(std::shared_ptr<LoadedProgram> program) {
    if (timers_ != nullptr && has_timers(*program)) {
        const LoadedProgram& next = *programs_.at(program->handle);
        timers_->rebind(program->runnable(), [&](const vm::Map& map, uint64_t function) {
            return same_callback(*program, next, map, function);
        });
    }
    graves_.push_back({maps::begin_grace(), nullptr, std::move(program)});
}

void Registry::rebind_timers(const std::set<Handle>& programs) const {
    if (timers_ == nullptr || timers_->in_use() == 0) return;
    for (const auto& [handle, old] : programs_) {
        if (!old->published || programs.contains(handle) || !has_timers(*old)) continue;
        const auto next = std::ranges::find_if(
            programs, [&](Handle candidate) { return programs_.at(candidate)->name == old->name; });
        timers_->rebind(old->runnable(), [&](const vm::Map& map, uint64_t function) {
            return next == programs.end()
                       ? vm::Timers::Callback{}
                       : same_callback(*old, *programs_.at(*next), map, function);
        });
    }
}

}  // namespace weir::dataplane
