#include "dataplane/replacement.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dataplane/load.h"

namespace weir::dataplane {
namespace {

/// Kinds whose contents are elements that the control side may set, all of them.
bool holds_elements(vm::MapType type) {
    switch (type) {
        case vm::MapType::Hash:
        case vm::MapType::Array:
        case vm::MapType::PercpuHash:
        case vm::MapType::PercpuArray:
        case vm::MapType::LruHash:
        case vm::MapType::LruPercpuHash:
        case vm::MapType::LpmTrie:
        case vm::MapType::Queue:
        case vm::MapType::Stack:
        case vm::MapType::BloomFilter: return true;
        case vm::MapType::ProgArray:
        case vm::MapType::PerfEventArray:
        case vm::MapType::ArrayOfMaps:
        case vm::MapType::HashOfMaps:
        case vm::MapType::Devmap:
        case vm::MapType::DevmapHash:
        case vm::MapType::Cpumap:
        case vm::MapType::Xskmap:
        case vm::MapType::Ringbuf:
        case vm::MapType::UserRingbuf: return false;
    }
    return false;
}

Result<void> check_old(const LoadedMap& map) {
    if (!map.published)
        return fail(ErrorKind::kInvalid, map.label() +
                                             ": no program of the running generation "
                                             "uses it, expected a published map");
    if (map.spec.is_global_data || map.spec.frozen)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: it is {}, whose contents belong to its program", map.label(),
                                map.spec.is_global_data ? "global data" : "frozen"));
    if (!holds_elements(map.spec.type))
        return fail(ErrorKind::kUnsupported,
                    fmt::format("{}: the contents of a {} cannot be replaced as a whole",
                                map.label(), vm::map_type_name(map.spec.type)));
    return {};
}

Result<void> check_fresh(const LoadedMap& map, const LoadedMap& fresh, Owner owner) {
    if (fresh.published || fresh.owner != owner)
        return fail(
            ErrorKind::kInvalid,
            fmt::format("{}: expected a pending map that this connection made", fresh.label()));
    if (fresh.name != map.name)
        return fail(ErrorKind::kInvalid, fmt::format("{}: its name differs from that of {}",
                                                     fresh.label(), map.label()));
    if ((fresh.file == nullptr) != (map.file == nullptr))
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: one of it and {} persists, the other does not", fresh.label(),
                                map.label()));
    if (Result<void> fits = check_map(map.spec, fresh); !fits) return fits;
    if (map.spec.same_definition(fresh.spec)) return {};
    return fail(ErrorKind::kInvalid, fmt::format("{}: its definition differs from that of {}",
                                                 fresh.label(), map.label()));
}

}  // namespace

Result<Replacement> Replacement::prepare(const Registry& registry, Owner owner,
                                         const std::vector<api::MapReplacement>& requests) {
    if (requests.empty()) return fail(ErrorKind::kInvalid, "expected at least one map to replace");
    Replacement replacement;
    std::set<Handle> named;
    for (const api::MapReplacement& request : requests) {
        const auto map = registry.map(request.map);
        if (!map) return std::unexpected(map.error());
        const auto fresh = registry.map(request.fresh);
        if (!fresh) return std::unexpected(fresh.error());
        if (Result<void> fits = check_old(**map); !fits) return std::unexpected(fits.error());
        if (Result<void> fits = check_fresh(**map, **fresh, owner); !fits)
            return std::unexpected(fits.error());
        if (const LoadedMap* outer = registry.slot_holder(**map))
            return fail(ErrorKind::kUnsupported,
                        fmt::format("{}: it stands in a slot of {}, where one map after the other "
                                    "changes; put the new one there instead",
                                    (*map)->label(), outer->label()));
        if (!named.insert(request.map).second || !named.insert(request.fresh).second)
            return fail(ErrorKind::kInvalid, (*map)->label() + ": named twice");
        replacement.maps_.push_back({*map, *fresh});
    }
    for (const auto& program : registry.published_programs()) {
        std::vector<std::shared_ptr<LoadedMap>> maps = program->maps;
        for (const MapPair& pair : replacement.maps_)
            std::ranges::replace(maps, pair.in_place, pair.other);
        if (maps == program->maps) continue;
        if (const LoadedMap* array = registry.slot_holder(*program))
            return fail(
                ErrorKind::kUnsupported,
                fmt::format("program {}: it stands in a slot of {}, where one program after "
                            "the other changes; maps of it cannot be replaced in one step",
                            program->name, array->label()));
        Result<std::shared_ptr<LoadedProgram>> bound = bind_again(*program, std::move(maps));
        if (!bound) return std::unexpected(bound.error());
        replacement.programs_.push_back(std::move(*bound));
    }
    return replacement;
}

void Replacement::exchange(Registry& registry) {
    for (MapPair& pair : maps_) {
        registry.exchange(*pair.in_place, *pair.other);
        std::swap(pair.in_place, pair.other);
    }
    for (std::shared_ptr<LoadedProgram>& program : programs_)
        program = registry.exchange(std::move(program));
}

void Replacement::finish(Registry& registry) {
    for (const std::shared_ptr<LoadedProgram>& program : programs_) registry.replaced(program);
    for (const MapPair& pair : maps_) {
        LoadedMap &now = *pair.in_place, &before = *pair.other;
        before.owner = kNobody;
        Bytes value(now.map->control_value_bytes());
        before.policy.for_each([&](ByteSpan key, ByteSpan) {
            if (now.spec.key_bytes != 0 && now.map->control_lookup(key.data(), value) == 0)
                now.policy.put(key, value);
        });
    }
}

}  // namespace weir::dataplane
