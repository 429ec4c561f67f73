#pragma once
// Objects of the corpus, loaded, and what tests ask of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "vm/elf/elf.h"

namespace weir::vm::tests {

/// `object` is a path below the folder of the corpus' objects.
std::string corpus_path(const std::string& object);

inline ObjectSpec load(const std::string& object, const LoadOptions& options = {}) {
    auto loaded = load_object_file(corpus_path(object), options);
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded ? std::move(*loaded) : ObjectSpec{};
}

inline std::string error_of(const std::string& object, const LoadOptions& options) {
    const auto loaded = load_object_file(corpus_path(object), options);
    return loaded ? "" : loaded.error().message;
}

inline const MapSpec* map_named(const std::vector<MapSpec>& maps, std::string_view name) {
    const auto found = std::ranges::find(maps, name, &MapSpec::name);
    return found == maps.end() ? nullptr : &*found;
}

inline const ProgramSpec* program_named(const ObjectSpec& object, std::string_view name) {
    const auto found = std::ranges::find(object.programs, name, &ProgramSpec::name);
    return found == object.programs.end() ? nullptr : &*found;
}

/// Why a program is not offered; empty where it is, or where there is none of that name.
inline std::string reason_of(const ObjectSpec& object, std::string_view name) {
    const auto found = std::ranges::find(object.unsupported, name, &UnsupportedProgram::name);
    return found == object.unsupported.end() ? "" : found->reason;
}

inline bool has_notice(const ObjectSpec& object, std::string_view text) {
    return std::ranges::any_of(object.notices, [&](const std::string& notice) {
        return notice.find(text) != std::string::npos;
    });
}

/// The bytes of a variable in a data map, as a number.
inline int64_t value_of(const ObjectSpec& object, std::string_view section, std::string_view name) {
    const MapSpec* map = map_named(object.maps, section);
    if (map == nullptr || !map->value_type) return INT64_MIN;
    const auto member = std::ranges::find(map->value_type->members, name, &TypeMember::name);
    if (member == map->value_type->members.end()) return INT64_MIN;
    int64_t raw = 0;
    std::memcpy(&raw, map->contents.data() + member->bit_offset / 8,
                std::min<size_t>(member->type->size_bytes, sizeof raw));
    return raw;
}

}  // namespace weir::vm::tests
