#include "vm/program/definition.h"

#include <array>
#include <string_view>

#include <fmt/core.h>

namespace weir::vm {
namespace {

struct FlagName {
    uint32_t flag;
    std::string_view name;
};
constexpr std::array<FlagName, 8> kFlagNames = {{{kMapNoPrealloc, "no_prealloc"},
                                                 {1u << 1, "no_common_lru"},
                                                 {kMapRdonly, "rdonly"},
                                                 {kMapWronly, "wronly"},
                                                 {kMapZeroSeed, "zero_seed"},
                                                 {kMapRdonlyProg, "rdonly_prog"},
                                                 {kMapWronlyProg, "wronly_prog"},
                                                 {kMapMmapable, "mmapable"}}};

std::string offset_name(uint32_t offset) {
    return offset == kNoOffset ? "none" : std::to_string(offset);
}

}  // namespace

std::string definition_difference(const MapSpec& before, const MapSpec& after) {
    if (before.same_definition(after)) return {};
    std::string all;
    const auto note = [&](const char* what, const auto& old_one, const auto& new_one) {
        if (old_one != new_one)
            all += fmt::format("{}{} {} -> {}", all.empty() ? "" : ", ", what, old_one, new_one);
    };
    note("type", map_type_name(before.type), map_type_name(after.type));
    note("key_bytes", before.key_bytes, after.key_bytes);
    note("value_bytes", before.value_bytes, after.value_bytes);
    note("max_entries", before.entries_max, after.entries_max);
    note("flags", before.flags, after.flags);
    note("map_extra", before.extra, after.extra);
    note("bpf_spin_lock at", offset_name(before.spin_lock_offset),
         offset_name(after.spin_lock_offset));
    note("bpf_timer at", offset_name(before.timer_offset), offset_name(after.timer_offset));
    return all.empty() ? "the inner map's definition" : all;
}

std::vector<std::string> map_flag_names(uint32_t flags) {
    std::vector<std::string> names;
    for (const FlagName& each : kFlagNames) {
        if ((flags & each.flag) == 0) continue;
        names.emplace_back(each.name);
        flags &= ~each.flag;
    }
    if (flags != 0) names.push_back(fmt::format("{:#x}", flags));
    return names;
}

std::string persist_refusal(const MapSpec& spec) {
    if (spec.is_global_data) return "global data starts fresh";
    if ((spec.flags & kMapRdonly) != 0)
        return "a map that is read-only for the control side cannot be filled from a file";
    switch (spec.type) {
        case MapType::Array:
        case MapType::PercpuArray:
        case MapType::Hash:
        case MapType::PercpuHash:
        case MapType::LruHash:
        case MapType::LruPercpuHash:
        case MapType::Queue:
        case MapType::Stack:
        case MapType::LpmTrie:
        case MapType::BloomFilter: return {};
        case MapType::ProgArray:
        case MapType::ArrayOfMaps:
        case MapType::HashOfMaps: return "it holds programs or maps, which are made at start";
        case MapType::Devmap:
        case MapType::DevmapHash:
        case MapType::Cpumap:
        case MapType::Xskmap: return "it names ports and cores, which are made at start";
        case MapType::Ringbuf:
        case MapType::UserRingbuf:
        case MapType::PerfEventArray: return "it holds records on their way to a reader";
    }
    return "this kind is not offered";
}

}  // namespace weir::vm
