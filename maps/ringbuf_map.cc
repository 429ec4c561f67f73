#include "maps/ringbuf_map.h"

#include <bit>
#include <cerrno>

#include <fmt/core.h>

#include "maps/region.h"
#include "maps/spec_check.h"

namespace weir::maps {

Result<std::unique_ptr<vm::Map>> RingbufMap::create(const vm::MapSpec& spec) {
    if (spec.key_bytes != 0 || spec.value_bytes != 0) {
        return refuse(spec, fmt::format("key size {} and value size {} must be 0", spec.key_bytes,
                                        spec.value_bytes));
    }
    if (const Result<void> ok = check_flags(spec, kMapNumaNode); !ok)
        return std::unexpected(ok.error());
    if (!std::has_single_bit(spec.entries_max) || spec.entries_max % kPageBytes != 0) {
        return refuse(spec, fmt::format("max_entries {} must be a power of two and a multiple of "
                                        "{}: it is the size in bytes",
                                        spec.entries_max, kPageBytes));
    }
    auto ring = EventRing::create(spec.entries_max, spec.name);
    if (!ring) return std::unexpected(ring.error());
    return std::unique_ptr<vm::Map>(new RingbufMap(spec, std::move(*ring)));
}

uint64_t RingbufMap::query(uint64_t what) const {
    switch (what) {
        case kRingAvailableData: return ring_->producer_position() - ring_->consumer_position();
        case kRingSize: return ring_->size();
        case kRingConsumerPosition: return ring_->consumer_position();
        case kRingProducerPosition: return ring_->producer_position();
        default: return 0;
    }
}

uint8_t* RingbufMap::lookup(const uint8_t*, uint32_t) {
    return nullptr;
}
int RingbufMap::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EOPNOTSUPP;
}
int RingbufMap::erase(const uint8_t*) {
    return -EOPNOTSUPP;
}
int RingbufMap::control_lookup(const uint8_t*, std::span<uint8_t>) {
    return -EOPNOTSUPP;
}
int RingbufMap::control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) {
    return -EOPNOTSUPP;
}
int RingbufMap::control_erase(const uint8_t*) {
    return -EOPNOTSUPP;
}
int RingbufMap::next_key(const uint8_t*, uint8_t*) {
    return -EOPNOTSUPP;
}

int64_t RingbufMap::drain_events(uint32_t, vm::EventVisitor visit, void* opaque) {
    return ring_->drain(visit, opaque);
}

}  // namespace weir::maps
