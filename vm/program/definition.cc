#include "vm/program/definition.h"

#include <fmt/core.h>

namespace weir::vm {
namespace {

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

}  // namespace weir::vm
