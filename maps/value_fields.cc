#include "maps/value_fields.h"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "maps/spec_check.h"
#include "maps/value_lock.h"
#include "maps/words.h"

namespace weir::maps {
namespace {

constexpr uint32_t kHalfBytes = 4;  ///< fields begin and end at such steps

bool has_room_for_lock(vm::MapType type) {
    return type == vm::MapType::Array || type == vm::MapType::Hash;
}
bool has_room_for_timer(vm::MapType type) {
    return has_room_for_lock(type) || type == vm::MapType::LruHash;
}

Result<void> check_field(const vm::MapSpec& spec, const char* name, uint32_t offset, uint32_t bytes,
                         uint32_t alignment) {
    if (offset % alignment != 0 || uint64_t{offset} + bytes > spec.value_bytes) {
        return refuse(spec, fmt::format("struct {} at {} of a value of {} bytes: it takes {} bytes "
                                        "and is aligned to {}",
                                        name, offset, spec.value_bytes, bytes, alignment));
    }
    if ((spec.flags & (vm::kMapRdonlyProg | vm::kMapWronlyProg)) != 0) {
        return refuse(spec,
                      fmt::format("struct {} needs a map that programs may read and write", name));
    }
    return {};
}

void store_half(uint8_t* shared, const uint8_t* value, uint32_t bytes) {
    uint32_t half = 0;
    std::memcpy(&half, value, bytes);
    __atomic_store_n(reinterpret_cast<uint32_t*>(shared), half, __ATOMIC_RELEASE);
}

}  // namespace

Result<void> check_value_fields(const vm::MapSpec& spec) {
    const bool lock = spec.spin_lock_offset != vm::kNoOffset;
    const bool timer = spec.timer_offset != vm::kNoOffset;
    if (lock && !has_room_for_lock(spec.type))
        return refuse(spec, "struct bpf_spin_lock is for array and hash only");
    if (timer && !has_room_for_timer(spec.type))
        return refuse(spec, "struct bpf_timer is for array, hash and lru_hash only");
    if (lock) {
        const Result<void> fits = check_field(spec, "bpf_spin_lock", spec.spin_lock_offset,
                                              vm::kSpinLockBytes, vm::kSpinLockBytes);
        if (!fits) return fits;
    }
    if (timer) {
        const Result<void> fits =
            check_field(spec, "bpf_timer", spec.timer_offset, vm::kTimerBytes, kWordBytes);
        if (!fits) return fits;
    }
    if (lock && timer && spec.spin_lock_offset >= spec.timer_offset &&
        spec.spin_lock_offset < spec.timer_offset + vm::kTimerBytes) {
        return refuse(spec, "struct bpf_spin_lock lies in struct bpf_timer");
    }
    return {};
}

void ValueFields::store(uint8_t* shared, const uint8_t* value) const {
    if (is_plain()) return store_words(shared, value, bytes_);
    for (uint32_t at = 0; at < bytes_; at += kHalfBytes) {
        if (!is_field(at)) store_half(shared + at, value + at, std::min(kHalfBytes, bytes_ - at));
    }
}

void ValueFields::store_locked(uint8_t* shared, const uint8_t* value) const {
    lock_value(shared + lock_);
    store(shared, value);
    unlock_value(shared + lock_);
}

void ValueFields::load(uint8_t* value, const uint8_t* shared) const {
    load_words(value, shared, bytes_);
    if (lock_ != vm::kNoOffset) std::memset(value + lock_, 0, vm::kSpinLockBytes);
    if (timer_ != vm::kNoOffset) std::memset(value + timer_, 0, vm::kTimerBytes);
}

void ValueFields::end_timer(uint8_t* shared) const {
    if (timer_ != vm::kNoOffset) zero_words(shared + timer_, vm::kTimerBytes);
}

void ValueFields::clear(uint8_t* shared) const {
    if (lock_ != vm::kNoOffset) unlock_value(shared + lock_);
    end_timer(shared);
}

}  // namespace weir::maps
