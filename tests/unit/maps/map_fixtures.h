#pragma once
// Specs and maps for the tests of this folder.

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "maps/maps.h"

namespace weir::maps {

inline vm::MapSpec make_spec(vm::MapType type, uint32_t key_bytes, uint32_t value_bytes,
                             uint32_t entries_max, uint32_t flags = 0) {
    const uint32_t needed = type == vm::MapType::LpmTrie ? vm::kMapNoPrealloc : 0;
    return {.name = "m",
            .type = type,
            .key_bytes = key_bytes,
            .value_bytes = value_bytes,
            .entries_max = entries_max,
            .flags = flags | needed};
}

inline std::unique_ptr<vm::Map> make_map(const vm::MapSpec& spec, uint32_t cpu_slots = 2) {
    auto map = create_map(spec, cpu_slots);
    EXPECT_TRUE(map.has_value()) << map.error().message;
    return map ? std::move(*map) : nullptr;
}

/// The bytes of an integer, as programs pass keys and values.
template <typename T>
const uint8_t* bytes_of(const T& value) {
    return reinterpret_cast<const uint8_t*>(&value);
}

template <typename T>
T value_at(const uint8_t* address) {
    T value;
    std::memcpy(&value, address, sizeof value);
    return value;
}

/// A key of an lpm_trie over IPv4 addresses.
struct Prefix4 {
    uint32_t bits;
    uint8_t address[4];
};

}  // namespace weir::maps
