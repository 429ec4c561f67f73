#pragma once
// ringbuf (kernel/bpf/ringbuf.c): one ring of records for all cores. Keys and values do not exist;
// the helpers in event_helpers.cc write, Map::drain_events reads.

#include <cstdint>
#include <memory>

#include "maps/event_ring.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// bpf_ringbuf_query's flags.
constexpr uint64_t kRingAvailableData = 0;
constexpr uint64_t kRingSize = 1;
constexpr uint64_t kRingConsumerPosition = 2;
constexpr uint64_t kRingProducerPosition = 3;

class RingbufMap final : public vm::Map {
public:
    /// entries_max is the size in bytes: a power of two and a multiple of the page size.
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    EventRing& ring() { return *ring_; }
    uint64_t query(uint64_t what) const;

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;               ///< nullptr
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EOPNOTSUPP
    int erase(const uint8_t*) override;                                       ///< -EOPNOTSUPP

    uint32_t control_value_bytes() const override { return 0; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    int64_t drain_events(uint32_t cpu, vm::EventVisitor visit, void* opaque) override;
    uint64_t lost_events() const override { return ring_->lost(); }
    uint32_t entries() const override { return 0; }
    uint64_t memory_bytes() const override { return ring_->size(); }
    uint64_t full_count() const override { return ring_->lost(); }

private:
    RingbufMap(const vm::MapSpec& spec, std::unique_ptr<EventRing> ring)
        : Map(spec), ring_(std::move(ring)) {}

    std::unique_ptr<EventRing> ring_;
};

}  // namespace weir::maps
