#pragma once
// perf_event_array (kernel/bpf/arraymap.c, kernel/events/core.c): records for a reader, one ring
// per cpu. Where the kernel has whatever perf events user space opened, each cpu slot always has
// its ring here, of kPerfRingBytes. bpf_perf_event_output writes, Map::drain_events reads.

#include <cstdint>
#include <memory>
#include <vector>

#include "maps/event_ring.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Of one cpu: 64 pages, what libbpf's tools ask for.
constexpr uint64_t kPerfRingBytes = 64 * 4096;

class PerfEventMap final : public vm::Map {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots);

    /// The ring at `index` for a program on `cpu`; else nullptr and in `error` the kernel's:
    /// -E2BIG beyond the array, -ENOENT without such a cpu, -EOPNOTSUPP from another cpu.
    EventRing* ring_for(uint64_t index, uint32_t cpu, int& error);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;               ///< nullptr
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EOPNOTSUPP
    int erase(const uint8_t*) override;                                       ///< -EOPNOTSUPP

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    /// -EINVAL for a cpu without a ring.
    int64_t drain_events(uint32_t cpu, vm::EventVisitor visit, void* opaque) override;
    uint64_t lost_events() const override;
    uint32_t entries() const override { return spec().entries_max; }
    uint64_t memory_bytes() const override { return rings_.size() * kPerfRingBytes; }
    uint64_t full_count() const override { return lost_events(); }

private:
    PerfEventMap(const vm::MapSpec& spec, std::vector<std::unique_ptr<EventRing>> rings)
        : Map(spec), rings_(std::move(rings)) {}

    std::vector<std::unique_ptr<EventRing>> rings_;  ///< by cpu; at most entries_max
};

}  // namespace weir::maps
