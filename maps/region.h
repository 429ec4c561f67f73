#pragma once
// One piece of a map's memory: page-backed from the start, never growing. Freed with the object.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vm/base/result.h"

namespace weir::maps {

/// Most that one map may take. More is almost always a slip in max_entries; the error says the
/// size.
constexpr uint64_t kMapBytesMax = 16ull << 30;

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kHugePageBytes = 2ull << 20;

/// What pieces of at least one huge page are made of; smaller ones have 4 KiB pages always.
enum class HugePages : uint8_t {
    Transparent,  ///< the kernel's choice; reserved ones are left to others
    Auto,         ///< reserved ones (vm.nr_hugepages) where enough are free, else transparent
    Required,     ///< reserved ones, or the map is refused
    Off,          ///< 4 KiB pages
};

struct MemoryPolicy {
    HugePages huge_pages = HugePages::Transparent;
    /// NUMA nodes of those who work with the map (numa.h): memory comes from the only one, or from
    /// all in turn. Empty: the kernel's choice.
    std::vector<uint32_t> nodes = {};
};

/// Refuses more than kMapBytesMax and more than the machine has available.
Result<void> check_memory(uint64_t bytes, const std::string& map_name);

class Region {
public:
    /// Takes `bytes` (at least 1) of zeroes, rounded up to pages. From 2 MiB on it is aligned to
    /// 2 MiB. Every page is faulted in here, so that no packet pays for one. Refuses more than
    /// kMapBytesMax, more than the machine has available, and what `policy` cannot give.
    /// `map_name` is for the message.
    static Result<Region> take(uint64_t bytes, const std::string& map_name,
                               const MemoryPolicy& policy = {});
    /// Maps `bytes`, a multiple of kPageBytes, of a file that has them from `offset` on, aligned as
    /// above. Changes go into the file and every page is faulted in; with `copy_on_write` neither.
    static Result<Region> over_file(int fd, uint64_t offset, uint64_t bytes,
                                    const std::string& map_name, const MemoryPolicy& policy,
                                    bool copy_on_write);

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

/// `bytes` as a region takes them: whole pages, whole huge pages from 2 MiB on.
uint64_t region_bytes(uint64_t bytes);

}  // namespace weir::maps
