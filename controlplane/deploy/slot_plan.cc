#include "controlplane/deploy/slot_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "vm/base/check.h"
#include "vm/program/redirect_kinds.h"

namespace weir::controlplane {
namespace {

constexpr uint32_t kBytesWithProgram = 8;  ///< struct bpf_devmap_val, bpf_cpumap_val

/// A slot's number as a key; longer keys have zeroes behind.
Bytes key_of(const vm::InitialSlot& slot, uint32_t key_bytes) {
    Bytes key(key_bytes);
    std::memcpy(key.data(), &slot.index, std::min<size_t>(key.size(), sizeof slot.index));
    return key;
}

class Planner {
public:
    Planner(const vm::ObjectSpec& object, const vm::ProgramSpec& program) : object_(object) {
        plan_.programs.push_back(&program);
    }

    Result<SlotPlan> run() {
        size_t program = 0, map = 0;
        while (program < plan_.programs.size() || map < plan_.maps.size()) {
            if (program < plan_.programs.size()) {
                for (const vm::MapSpec& used : plan_.programs[program]->maps) add_map(used);
                ++program;
            } else if (const Result<void> filled = fill(map++); !filled) {
                return std::unexpected(filled.error());
            }
            if (program == plan_.programs.size() && map == plan_.maps.size()) add_companions();
        }
        return std::move(plan_);
    }

private:
    size_t add_map(const vm::MapSpec& map) {
        const auto found = std::ranges::find(plan_.maps, map.name, &vm::MapSpec::name);
        if (found != plan_.maps.end()) return static_cast<size_t>(found - plan_.maps.begin());
        plan_.maps.push_back(&map);
        plan_.slots.emplace_back();
        return plan_.maps.size() - 1;
    }

    size_t add_program(const vm::ProgramSpec& program) {
        const auto found = std::ranges::find(plan_.programs, program.name, &vm::ProgramSpec::name);
        if (found != plan_.programs.end())
            return static_cast<size_t>(found - plan_.programs.begin());
        plan_.programs.push_back(&program);
        return plan_.programs.size() - 1;
    }

    /// Programs for entries of devmaps and cpumaps: whoever fills these names them.
    void add_companions() {
        const auto holds = [&](bool is_cpumap) {
            return std::ranges::any_of(plan_.maps, [&](const vm::MapSpec* map) {
                const bool of_kind =
                    is_cpumap ? map->type == vm::MapType::Cpumap : vm::has_devices(map->type);
                return of_kind && map->value_bytes == kBytesWithProgram;
            });
        };
        const vm::ProgramSpec& first = *plan_.programs[0];
        const bool wants_devmap = holds(false), wants_cpumap = holds(true);
        for (const vm::ProgramSpec& program : object_.programs) {
            const bool wanted = (program.hook == vm::XdpHook::Devmap && wants_devmap) ||
                                (program.hook == vm::XdpHook::Cpumap && wants_cpumap);
            if (wanted && program.type == first.type && program.has_frags == first.has_frags)
                add_program(program);
        }
    }

    Result<void> fill(size_t index) {
        const vm::MapSpec& map = *plan_.maps[index];
        for (const vm::InitialSlot& slot : map.slots) {
            const Result<size_t> target =
                vm::is_map_in_map(map.type) ? inner_map(map, slot) : tail_program(map, slot);
            if (!target) return std::unexpected(target.error());
            plan_.slots[index].push_back({key_of(slot, map.key_bytes), *target});
        }
        return {};
    }

    static std::unexpected<Error> refuse(const vm::MapSpec& map, const vm::InitialSlot& slot,
                                         const std::string& why) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: slot {}: {}", map.name, slot.index, why));
    }

    Result<size_t> inner_map(const vm::MapSpec& map, const vm::InitialSlot& slot) {
        const auto found = std::ranges::find(object_.maps, slot.target, &vm::MapSpec::name);
        if (found == object_.maps.end())
            return refuse(map, slot, fmt::format("the object has no map '{}'", slot.target));
        return add_map(*found);
    }

    Result<size_t> tail_program(const vm::MapSpec& map, const vm::InitialSlot& slot) {
        const vm::ProgramSpec& first = *plan_.programs[0];
        if (slot.target == first.name) return size_t{0};
        const auto found = std::ranges::find(object_.programs, slot.target, &vm::ProgramSpec::name);
        if (found == object_.programs.end())
            return refuse(map, slot, fmt::format("the object has no program '{}'", slot.target));
        if (found->type != first.type)
            return refuse(map, slot,
                          fmt::format("program {} is of type {}, expected {} as {} is", found->name,
                                      vm::program_type_name(found->type),
                                      vm::program_type_name(first.type), first.name));
        if (found->has_frags != first.has_frags)
            return refuse(
                map, slot,
                fmt::format("of {} and {} only one is of xdp.frags", found->name, first.name));
        return add_program(*found);
    }

    const vm::ObjectSpec& object_;
    SlotPlan plan_;
};

}  // namespace

size_t SlotPlan::index_of(std::string_view map) const {
    const auto found = std::ranges::find(maps, map, &vm::MapSpec::name);
    WEIR_CHECK(found != maps.end());
    return static_cast<size_t>(found - maps.begin());
}

Result<SlotPlan> plan_slots(const vm::ObjectSpec& object, const vm::ProgramSpec& program) {
    return Planner(object, program).run();
}

}  // namespace weir::controlplane
