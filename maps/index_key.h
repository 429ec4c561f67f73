#pragma once
// Keys that are indices: four bytes, host order. All kinds that lie in an array share their
// iteration (array_map_get_next_key in kernel/bpf/arraymap.c).

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace weir::maps {

constexpr uint32_t kIndexKeyBytes = 4;

inline uint32_t index_of(const uint8_t* key) {
    uint32_t index;
    std::memcpy(&index, key, sizeof index);
    return index;
}

/// A null key, or one beyond the end, gives the first.
inline int next_index(const uint8_t* key, uint8_t* next, uint32_t entries_max) {
    uint32_t index = 0;
    if (key != nullptr && index_of(key) < entries_max) {
        index = index_of(key) + 1;
        if (index == entries_max) return -ENOENT;
    }
    std::memcpy(next, &index, sizeof index);
    return 0;
}

}  // namespace weir::maps
