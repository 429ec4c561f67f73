// Values of maps: bounds by the value's size, permissions by the map's flags, constants out of
// frozen maps.

#include <fmt/format.h>

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

/// Values of device and cpu maps are the kernel's own.
bool programs_only_read(const MapSpec& map) {
    switch (map.type) {
        case MapType::Devmap:
        case MapType::DevmapHash:
        case MapType::Cpumap:
        case MapType::Xskmap: return true;
        case MapType::Hash:
        case MapType::Array:
        case MapType::ProgArray:
        case MapType::PerfEventArray:
        case MapType::PercpuHash:
        case MapType::PercpuArray:
        case MapType::LruHash:
        case MapType::LruPercpuHash:
        case MapType::LpmTrie:
        case MapType::ArrayOfMaps:
        case MapType::HashOfMaps:
        case MapType::Queue:
        case MapType::Stack:
        case MapType::Ringbuf:
        case MapType::BloomFilter:
        case MapType::UserRingbuf: break;
    }
    return map.frozen || (map.flags & kMapRdonlyProg) != 0;
}

}  // namespace

Checked check_map_value_bounds(const Step& step, const Region& region, Access access) {
    const MapSpec& map = map_of(step.env.program, region.pointer);
    if (access != Access::Read && (programs_only_read(map)))
        return fault("map-access",
                     fmt::format("write into map {}, which programs may only read", map.name));
    if (access != Access::Write && (map.flags & kMapWronlyProg) != 0)
        return fault("map-access",
                     fmt::format("read from map {}, which programs may only write", map.name));
    constexpr int64_t kFar = 1 << 29;
    const Scalar& variable = region.pointer.value;
    if (variable.full.smin < -kFar || variable.full.smax > kFar)
        return fault("map-bounds", fmt::format("access of {} bytes at an unbounded offset in a "
                                               "value of map {}; bound the index first",
                                               region.size, map.name));
    const int64_t low = region.pointer.off + region.offset + variable.full.smin;
    const int64_t end = region.pointer.off + region.offset + variable.full.smax + region.size;
    if (low < 0 || end > int64_t{map.value_bytes})
        return fault(
            "map-bounds",
            fmt::format(
                "access of {} bytes at offset {}{} in a value of map {}, which has {} bytes{}",
                region.size, low,
                variable.is_constant() ? "" : fmt::format(" to {}", end - region.size), map.name,
                map.value_bytes, variable.is_constant() ? "" : "; bound the index first"));
    // A lock that a program wrote would be waited for without end.
    if (const auto field = guarded_field_in(map, low, end))
        return fault("map-access",
                     fmt::format("access of bytes {} to {} in a value of map {} touches its {} at "
                                 "{}, which only helpers may",
                                 low, end - 1, map.name, field->name, field->offset));
    return {};
}

Checked check_map_key_bounds(const Step& step, const Region& region, Access access) {
    const MapSpec& map = map_of(step.env.program, region.pointer);
    if (access != Access::Read)
        return fault("map-access", fmt::format("write into a key of map {}", map.name));
    const Range<64>& variable = region.pointer.value.full;
    const bool is_far = variable.smin < -kPointerOffsetMax || variable.smax > kPointerOffsetMax;
    const int64_t place = region.pointer.off + region.offset;
    if (!is_far && place + variable.smin >= 0 &&
        place + variable.smax + region.size <= int64_t{map.key_bytes})
        return {};
    return fault("map-bounds",
                 fmt::format("read of {} bytes at offset {} of a key of map {}, which has {} bytes",
                             region.size, place, map.name, map.key_bytes));
}

std::optional<std::string> constant_map_bytes(const Step& step, const Region& region) {
    const MapSpec& map = map_of(step.env.program, region.pointer);
    if (!map.frozen || region.pointer.inner || map.type != MapType::Array || map.entries_max != 1 ||
        !region.pointer.value.is_constant())
        return std::nullopt;
    const int64_t start = region.pointer.off + region.offset + region.pointer.value.full.smin;
    if (start < 0 || start + region.size > int64_t{map.value_bytes}) return std::nullopt;
    std::string text(region.size, '\0');
    for (uint32_t i = 0; i < region.size; ++i) {
        const auto place = static_cast<size_t>(start) + i;
        if (place < map.contents.size()) text[i] = static_cast<char>(map.contents[place]);
    }
    return text;
}

}  // namespace weir::vm::verifier
