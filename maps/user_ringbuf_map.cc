// Positions only grow; a position modulo the size is a place in the ring. A sample is a header of 8
// bytes, of which the first 4 are its length, and its data, rounded up to 8.

#include "maps/user_ringbuf_map.h"

#include <bit>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "maps/region.h"
#include "maps/spec_check.h"
#include "maps/words.h"
#include "vm/helpers/dynptr.h"

namespace weir::maps {
namespace {

constexpr uint64_t taken_by(uint64_t bytes) {
    return round_up_to(bytes + kSampleHeaderBytes, kWordBytes);
}

}  // namespace

Result<std::unique_ptr<vm::Map>> UserRingbufMap::create(const vm::MapSpec& spec) {
    if (const Result<void> ok = check_ring_spec(spec); !ok) return std::unexpected(ok.error());
    Result<Mirror> memory = Mirror::take(spec.entries_max, spec.name);
    if (!memory) return std::unexpected(memory.error());
    return std::unique_ptr<vm::Map>(new UserRingbufMap(spec, std::move(*memory)));
}

int UserRingbufMap::produce(ByteSpan sample) {
    const uint64_t needed = taken_by(sample.size());
    if (sample.size() > vm::kDynptrBytesMax || needed > memory_.bytes()) return -E2BIG;
    const std::lock_guard<std::mutex> one_at_a_time(producer_lock_);
    const uint64_t start = produced_.load(std::memory_order_relaxed);
    if (needed > memory_.bytes() - (start - consumed_.load(std::memory_order_acquire))) {
        full_.fetch_add(1, std::memory_order_relaxed);
        return -ENOSPC;
    }
    const auto bytes = static_cast<uint32_t>(sample.size());
    std::memcpy(at(start), &bytes, sizeof bytes);
    if (bytes != 0) std::memcpy(at(start) + kSampleHeaderBytes, sample.data(), bytes);
    put_.fetch_add(1, std::memory_order_relaxed);
    produced_.store(start + needed, std::memory_order_release);
    return 0;
}

int64_t UserRingbufMap::consume(SampleVisitor visit, void* opaque) {
    if (busy_.exchange(true, std::memory_order_acquire)) return -EBUSY;
    int64_t samples = 0;
    uint64_t position = consumed_.load(std::memory_order_relaxed);
    for (uint64_t stop = 0; stop == 0 && samples < int64_t{kSamplesPerDrainMax}; ++samples) {
        const uint64_t produced = produced_.load(std::memory_order_acquire);
        if (position == produced) break;
        uint32_t bytes = 0;
        std::memcpy(&bytes, at(position), sizeof bytes);
        // Never wrong while programs write to nothing but samples; what they could do else ends
        // here.
        if (bytes > vm::kDynptrBytesMax || taken_by(bytes) > produced - position) break;
        stop = visit(opaque, at(position) + kSampleHeaderBytes, bytes);
        position += taken_by(bytes);
        taken_.fetch_add(1, std::memory_order_relaxed);
        consumed_.store(position, std::memory_order_release);
    }
    busy_.store(false, std::memory_order_release);
    return samples;
}

uint32_t UserRingbufMap::entries() const {
    const uint64_t taken = taken_.load(std::memory_order_relaxed);
    return static_cast<uint32_t>(put_.load(std::memory_order_relaxed) - taken);
}

uint64_t UserRingbufMap::used_bytes() const {
    const uint64_t consumed = consumed_.load(std::memory_order_acquire);
    return produced_.load(std::memory_order_acquire) - consumed;
}

uint8_t* UserRingbufMap::lookup(const uint8_t*, uint32_t) {
    return nullptr;
}
int UserRingbufMap::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EOPNOTSUPP;
}
int UserRingbufMap::erase(const uint8_t*) {
    return -EOPNOTSUPP;
}
int UserRingbufMap::control_lookup(const uint8_t*, std::span<uint8_t>) {
    return -EOPNOTSUPP;
}
int UserRingbufMap::control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) {
    return -EOPNOTSUPP;
}
int UserRingbufMap::control_erase(const uint8_t*) {
    return -EOPNOTSUPP;
}
int UserRingbufMap::next_key(const uint8_t*, uint8_t*) {
    return -EOPNOTSUPP;
}

}  // namespace weir::maps
