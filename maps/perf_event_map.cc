#include "maps/perf_event_map.h"

#include <algorithm>
#include <cerrno>

#include "maps/index_key.h"
#include "maps/spec_check.h"

namespace weir::maps {
namespace {

constexpr uint32_t kPreserveElements = 1u << 11;  ///< BPF_F_PRESERVE_ELEMS: nothing goes away here
constexpr uint32_t kFlagsAllowed =
    kMapNumaNode | vm::kMapRdonly | vm::kMapWronly | kPreserveElements;

}  // namespace

Result<std::unique_ptr<vm::Map>> PerfEventMap::create(const vm::MapSpec& spec, uint32_t cpu_slots) {
    if (const Result<void> ok = check_fd_array_spec(spec, kFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    std::vector<std::unique_ptr<EventRing>> rings;
    for (uint32_t cpu = 0; cpu < std::min(cpu_slots, spec.entries_max); ++cpu) {
        auto ring = EventRing::create(kPerfRingBytes, spec.name);
        if (!ring) return std::unexpected(ring.error());
        rings.push_back(std::move(*ring));
    }
    return std::unique_ptr<vm::Map>(new PerfEventMap(spec, std::move(rings)));
}

EventRing* PerfEventMap::ring_for(uint64_t index, uint32_t cpu, int& error) {
    error = 0;
    if (index >= spec().entries_max) {
        error = -E2BIG;
    } else if (index >= rings_.size()) {
        error = -ENOENT;
    } else if (index != cpu) {
        error = -EOPNOTSUPP;
    }
    return error == 0 ? rings_[index].get() : nullptr;
}

uint8_t* PerfEventMap::lookup(const uint8_t*, uint32_t) {
    return nullptr;
}
int PerfEventMap::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EOPNOTSUPP;
}
int PerfEventMap::erase(const uint8_t*) {
    return -EOPNOTSUPP;
}
int PerfEventMap::control_lookup(const uint8_t*, std::span<uint8_t>) {
    const int error = control_read_error(spec());
    return error != 0 ? error : -EOPNOTSUPP;
}
int PerfEventMap::control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) {
    const int error = control_write_error(spec());
    return error != 0 ? error : -EOPNOTSUPP;
}
int PerfEventMap::control_erase(const uint8_t*) {
    const int error = control_write_error(spec());
    return error != 0 ? error : -EOPNOTSUPP;
}
int PerfEventMap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return next_index(key, next, spec().entries_max);
}

int64_t PerfEventMap::drain_events(uint32_t cpu, vm::EventVisitor visit, void* opaque) {
    return cpu < rings_.size() ? rings_[cpu]->drain(visit, opaque) : -EINVAL;
}

uint64_t PerfEventMap::lost_events() const {
    uint64_t lost = 0;
    for (const auto& ring : rings_) lost += ring->lost();
    return lost;
}

}  // namespace weir::maps
