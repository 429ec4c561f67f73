#include "vm/elf/map_table.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>

#include "vm/base/limits.h"

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

/// Kinds for which the kernel or libbpf chooses the size where the object says none.
bool may_be_empty(const MapSpec& map) {
    return map.type == MapType::PerfEventArray || map.is_global_data;
}

}  // namespace

Result<void> MapTable::check_room(const std::string& name) const {
    if (maps.size() >= kMapsPerObjectMax)
        return bad(fmt::format("more than {} maps", kMapsPerObjectMax));
    if (name.empty()) return bad("a map without a name");
    if (name.size() > kNameBytesMax)
        return bad(fmt::format("map \"{}\": name has {} bytes, at most {}", name, name.size(),
                               kNameBytesMax));
    if (std::ranges::find(maps, name, &MapSpec::name) != maps.end())
        return bad(fmt::format("two maps are called \"{}\"", name));
    return {};
}

Result<void> MapTable::add(MapSpec map, uint32_t section, uint64_t offset) {
    if (const auto ok = check_room(map.name); !ok) return ok;
    if (!by_place.emplace(std::pair(section, offset), static_cast<uint32_t>(maps.size())).second)
        return bad(
            fmt::format("map \"{}\" starts where another one does, at {:#x}", map.name, offset));
    maps.push_back(std::move(map));
    return {};
}

Result<void> MapTable::add_data(MapSpec map, uint32_t section) {
    if (const auto ok = check_room(map.name); !ok) return ok;
    by_data_section.emplace(section, static_cast<uint32_t>(maps.size()));
    maps.push_back(std::move(map));
    return {};
}

const Symbol* find_variable(const ElfFile& file, uint32_t section, std::string_view name) {
    for (const Symbol& symbol : file.symbols()) {
        if (symbol.section == section && symbol.type != STT_SECTION && symbol.type != STT_FUNC &&
            symbol.name == name)
            return &symbol;
    }
    return nullptr;
}

Result<void> apply_entries_max(const Object& object, MapTable& table,
                               std::vector<std::string>& notices) {
    for (const auto& [name, entries_max] : object.options.map_entries_max) {
        const auto found = std::ranges::find(table.maps, name, &MapSpec::name);
        if (found == table.maps.end())
            return fail(
                ErrorKind::kInvalid,
                fmt::format("max_entries for map \"{}\": the object has no such map", name));
        if (found->is_global_data)
            return bad(fmt::format("max_entries for map \"{}\": global data always has one element",
                                   name));
        if (entries_max == 0)
            return bad(fmt::format("max_entries 0 for map \"{}\": expected at least 1", name));
        found->entries_max = entries_max;
    }
    for (MapSpec& map : table.maps) {
        if (map.entries_max != 0 || may_be_empty(map)) continue;
        if (!object.options.assume_entries_max)
            return bad(fmt::format(
                "map \"{}\": max_entries is 0: set it in the source or with {}.max_entries=N",
                map.name, map.name));
        map.entries_max = *object.options.assume_entries_max;
        notices.push_back(
            fmt::format("map \"{}\": max_entries is 0, assuming {}", map.name, map.entries_max));
    }
    return {};
}

}  // namespace weir::vm::elf
