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

/// Where the object leaves the size open and nobody else gave one.
Result<void> assume_size(const Object& object, MapSpec& map, const std::string& name,
                         std::vector<std::string>& notices) {
    if (map.entries_max != 0 || map.is_global_data) return {};
    // libbpf gives it a slot for each CPU; a worker is our CPU.
    if (map.type == MapType::PerfEventArray) {
        map.entries_max = kWorkersMax;
        return {};
    }
    if (!object.options.assume_entries_max)
        return bad(fmt::format(
            "map \"{}\": max_entries is 0: set it in the source or with {}.max_entries=N", name,
            name));
    const bool is_ringbuf = map.type == MapType::Ringbuf || map.type == MapType::UserRingbuf;
    map.entries_max = is_ringbuf ? kAssumedRingbufBytes : *object.options.assume_entries_max;
    notices.push_back(
        fmt::format("map \"{}\": max_entries is 0, assuming {}", name, map.entries_max));
    return {};
}

std::string reason_to_refuse(const MapSpec& map) {
    if (std::string refusal = map_type_refusal(map.type); !refusal.empty()) return refusal;
    if (map.key_bytes > kMapKeyBytesMax)
        return fmt::format("keys of {} bytes, at most {}", map.key_bytes, kMapKeyBytesMax);
    if (map.value_bytes > value_bytes_max(map))
        return fmt::format("values of {} bytes, at most {}", map.value_bytes, value_bytes_max(map));
    if (!is_map_in_map(map.type)) return {};
    if (!map.inner) return "nothing says what its inner maps are like";
    return reason_to_refuse(*map.inner);
}

}  // namespace

Result<void> MapTable::check_room(const std::string& name) {
    if (maps.size() >= kMapsPerObjectMax)
        return bad(fmt::format("more than {} maps", kMapsPerObjectMax));
    if (name.empty()) return bad("a map without a name");
    if (name.size() > kNameBytesMax)
        return bad(fmt::format("map \"{}\": name has {} bytes, at most {}", name, name.size(),
                               kNameBytesMax));
    if (!names_.insert(name).second) return bad(fmt::format("two maps are called \"{}\"", name));
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

Result<void> MapTable::add_unplaced(MapSpec map) {
    if (const auto ok = check_room(map.name); !ok) return ok;
    maps.push_back(std::move(map));
    return {};
}

const Symbol* find_variable(const ElfFile& file, uint32_t section, std::string_view name) {
    for (const uint32_t index : file.symbols_of(section)) {
        const Symbol& symbol = file.symbols()[index];
        if (symbol.type != STT_SECTION && symbol.type != STT_FUNC && symbol.name == name)
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
        if (const auto ok = assume_size(object, map, map.name, notices); !ok) return ok;
        if (!map.inner) continue;
        MapSpec inner = *map.inner;
        if (const auto ok = assume_size(object, inner, inner.name, notices); !ok) return ok;
        map.inner = std::make_shared<const MapSpec>(std::move(inner));
    }
    return {};
}

void refuse_maps(MapTable& table, std::vector<std::string>& notices) {
    for (uint32_t i = 0; i < table.maps.size(); ++i) {
        const MapSpec& map = table.maps[i];
        std::string reason = reason_to_refuse(map);
        if (!reason.empty()) table.refused.emplace(i, std::move(reason));
        if (map.type == MapType::Xskmap)
            notices.push_back(fmt::format(
                "map \"{}\": there are no AF_XDP sockets: XDP_REDIRECT into an xskmap drops the "
                "packet, counted as redirect_no_socket",
                map.name));
    }
}

}  // namespace weir::vm::elf
