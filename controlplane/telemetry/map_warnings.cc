#include "controlplane/telemetry/map_warnings.h"

#include <fmt/core.h>

#include <algorithm>

namespace weir::controlplane {
namespace {

/// Kinds that refuse an insert once they hold max_entries elements.
bool can_be_full(vm::MapType type) {
    using enum vm::MapType;
    return type == Hash || type == PercpuHash || type == LpmTrie || type == DevmapHash ||
           type == HashOfMaps || type == Queue || type == Stack;
}

std::string remedy(const dataplane::api::MapInfo& map) {
    const uint64_t doubled = std::min<uint64_t>(uint64_t{map.spec.entries_max} * 2, UINT32_MAX);
    return fmt::format("raise maps: {{{}: {{max_entries: {}}}}}", map.name, doubled);
}

}  // namespace

std::vector<std::string> map_warnings(const dataplane::api::MapInfo& map) {
    std::vector<std::string> warnings;
    const bool is_full = can_be_full(map.spec.type) && map.entries >= map.spec.entries_max;
    const std::string size = fmt::format("{} of {} elements", map.entries, map.spec.entries_max);
    if (map.full_count != 0)
        warnings.push_back(fmt::format("map {}: {} inserts failed because it was full ({} now): {}",
                                       map.name, map.full_count, size, remedy(map)));
    else if (is_full)
        warnings.push_back(fmt::format("map {}: full ({}), the next insert will fail: {}", map.name,
                                       size, remedy(map)));
    if (map.lost_events != 0)
        warnings.push_back(
            fmt::format("map {}: {} records lost because its ring was full ({} bytes): read it "
                        "faster, or {}",
                        map.name, map.lost_events, map.spec.entries_max, remedy(map)));
    if (map.busy_count != 0)
        warnings.push_back(fmt::format(
            "map {}: {} writes given up because another writer held a lock: let fewer workers "
            "write to it, or make it a per-CPU kind",
            map.name, map.busy_count));
    if (map.torn_count != 0)
        warnings.push_back(
            fmt::format("map {}: {} elements of its file were torn and dropped, {} are back",
                        map.name, map.torn_count, map.restored_count));
    return warnings;
}

}  // namespace weir::controlplane
