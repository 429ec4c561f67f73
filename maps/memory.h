#pragma once
// Where the regions of one map come from: a map asks for one after the other while it is made,
// always in the same order. Besides anonymous memory (here) there are files that outlive the
// process (persist_file.h).

#include <array>
#include <cstdint>
#include <string>

#include "maps/region.h"
#include "vm/base/result.h"

namespace weir::maps {

/// Seeds of the map's hashes.
using Secrets = std::array<uint64_t, 4>;
/// From getrandom(2).
Secrets draw_secrets();

class MapMemory {
public:
    explicit MapMemory(std::string map_name, MemoryPolicy policy = {})
        : MapMemory(std::move(map_name), std::move(policy), draw_secrets()) {}
    virtual ~MapMemory() = default;
    MapMemory(const MapMemory&) = delete;
    MapMemory& operator=(const MapMemory&) = delete;

    /// The next region: `bytes` of zeroes, or of a dead map what is left of it. All regions of a
    /// map together are bounded by kMapBytesMax.
    Result<Region> take(uint64_t bytes);
    /// Memory that need not outlive the process: what can be made anew from the regions.
    Result<Region> take_scratch(uint64_t bytes);
    /// True where regions are what a process before left behind. The map made over them is there
    /// to be read by its `salvage`: it initialises nothing.
    virtual bool is_dead() const { return false; }

    const std::string& map_name() const { return map_name_; }
    const Secrets& secrets() const { return secrets_; }

protected:
    MapMemory(std::string map_name, MemoryPolicy policy, const Secrets& secrets)
        : map_name_(std::move(map_name)), policy_(std::move(policy)), secrets_(secrets) {}

    virtual Result<Region> take_region(uint64_t bytes) {
        return Region::take(bytes, map_name_, policy_);
    }
    const MemoryPolicy& policy() const { return policy_; }

private:
    Result<void> count(uint64_t bytes);

    std::string map_name_;
    MemoryPolicy policy_;
    Secrets secrets_;
    uint64_t taken_bytes_ = 0;
};

}  // namespace weir::maps
