#pragma once
// The memory of a map: zeroed, page-backed from the start, never growing. Freed with the object.

#include <cstdint>
#include <string>
#include <utility>

#include "vm/base/result.h"

namespace weir::maps {

/// Most that one map may take. More is almost always a slip in max_entries; the error says the
/// size.
constexpr uint64_t kMapBytesMax = 16ull << 30;

constexpr uint64_t kPageBytes = 4096;

/// Refuses more than kMapBytesMax and more than the machine has available.
Result<void> check_memory(uint64_t bytes, const std::string& map_name);

class Region {
public:
    /// Takes `bytes` (at least 1), rounded up to pages. From 2 MiB on it is aligned to 2 MiB and
    /// asks for huge pages. Every page is faulted in here, so that no packet pays for one. Refuses
    /// more than kMapBytesMax and more than the machine has available. `map_name` is for the
    /// message.
    static Result<Region> take(uint64_t bytes, const std::string& map_name);

    Region() = default;
    Region(Region&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Region& operator=(Region&& other) noexcept {
        std::swap(base_, other.base_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;
    ~Region();

    /// Aligned to 4096 at least.
    uint8_t* data() const { return base_; }
    uint64_t bytes() const { return bytes_; }

private:
    Region(uint8_t* base, uint64_t bytes) : base_(base), bytes_(bytes) {}

    uint8_t* base_ = nullptr;
    uint64_t bytes_ = 0;
};

}  // namespace weir::maps
