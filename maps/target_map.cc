#include "maps/target_map.h"

#include <cerrno>

#include "maps/hash_table.h"
#include "maps/index_key.h"
#include "maps/spec_check.h"

namespace weir::maps {

uint8_t* TargetMap::lookup(const uint8_t* key, uint32_t /*cpu*/) {
    const uint32_t slot = slot_of(index_of(key));
    return slot == kNoElement ? nullptr : targets_.value(slot);
}

/// Programs do not change them: the verifier refuses it.
int TargetMap::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EINVAL;
}
int TargetMap::erase(const uint8_t*) {
    return -EINVAL;
}

const vm::Runnable* TargetMap::program_at(uint32_t key) const {
    const uint32_t slot = slot_of(key);
    return slot == kNoElement ? nullptr : targets_.program(slot);
}

bool TargetMap::has_target(uint32_t key) const {
    const uint32_t slot = slot_of(key);
    return slot != kNoElement && targets_.value(slot) != nullptr;
}

Destination TargetMap::destination(uint32_t key) const {
    const uint32_t slot = slot_of(key);
    return slot == kNoElement ? Destination{} : targets_.destination(slot);
}

int TargetMap::set_target(const uint8_t* key, const Target& target, const vm::Runnable* program) {
    const Target number_alone{target.number, 0};
    Bytes value(spec().value_bytes);
    number_alone.copy_to(value.data(), value.size());
    if (program == nullptr) return control_update(key, value, vm::kUpdateAny);
    if (spec().value_bytes != kTargetBytes) return -EOPNOTSUPP;
    if (target.number == 0) return -EINVAL;
    {
        const std::lock_guard<std::mutex> one_at_a_time(control_);
        const uint32_t slot = slot_of(index_of(key));
        if (slot != kNoElement && targets_.value(slot) != nullptr) {
            if (const int error = number_error(target.number); error != 0) return error;
            targets_.set(slot, target, program);
            return 0;
        }
    }
    // A new entry. It is seen without its program for a moment, but nothing went there before.
    if (const int error = control_update(key, value, vm::kUpdateAny); error != 0) return error;
    return bind_program(key, program, target.program_id);
}

int TargetMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < spec().value_bytes) return -EINVAL;
    const uint32_t slot = slot_of(index_of(key));
    if (slot == kNoElement || targets_.value(slot) == nullptr) return -ENOENT;
    targets_.get(slot).copy_to(value.data(), spec().value_bytes);
    return 0;
}

int TargetMap::bind_program(const uint8_t* key, const vm::Runnable* program, uint32_t id) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (spec().value_bytes != kTargetBytes) return -EOPNOTSUPP;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    const uint32_t slot = slot_of(index_of(key));
    if (slot == kNoElement || targets_.value(slot) == nullptr) return -ENOENT;
    targets_.set(slot, {targets_.get(slot).number, program != nullptr ? id : 0}, program);
    return 0;
}

int TargetMap::set(uint32_t slot, const Target& target) {
    if (target.program_id == 0) {
        targets_.set(slot, target, nullptr);
        return 0;
    }
    if (target.number == 0 || target.program_id != targets_.get(slot).program_id) return -EINVAL;
    targets_.set(slot, target, targets_.program(slot));
    return 0;
}

// -- with an array's keys

uint32_t TargetArray::slot_of(uint32_t key) const {
    return key < spec().entries_max ? key : kNoElement;
}

int TargetArray::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const uint32_t slot = slot_of(index_of(key));
    if (slot == kNoElement) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    return set(slot, {});
}

int TargetArray::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return next_index(key, next, spec().entries_max);
}

}  // namespace weir::maps
