#include "maps/ringbuf_map.h"

#include <cerrno>

#include "maps/spec_check.h"

namespace weir::maps {

Result<std::unique_ptr<vm::Map>> RingbufMap::create(const vm::MapSpec& spec) {
    if (const Result<void> ok = check_ring_spec(spec); !ok) return std::unexpected(ok.error());
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
