#include "maps/cpumap.h"

#include <cerrno>

#include <fmt/core.h>

#include "maps/index_key.h"
#include "maps/spec_check.h"

namespace weir::maps {

Result<std::unique_ptr<vm::Map>> Cpumap::create(const vm::MapSpec& spec, uint32_t cpu_slots) {
    if (const Result<void> ok = check_target_spec(spec, kMapNumaNode); !ok)
        return std::unexpected(ok.error());
    if (spec.entries_max > kCpumapEntriesMax) {
        return refuse(spec, fmt::format("max_entries {} exceeds {} cpus", spec.entries_max,
                                        kCpumapEntriesMax));
    }
    Result<TargetSlots> targets = TargetSlots::take(spec.entries_max, spec.name);
    if (!targets) return std::unexpected(targets.error());
    return std::unique_ptr<vm::Map>(new Cpumap(spec, std::move(*targets), cpu_slots));
}

uint8_t* Cpumap::lookup(const uint8_t* key, uint32_t /*cpu*/) {
    const uint32_t index = index_of(key);
    return index < spec().entries_max ? targets_.value(index) : nullptr;
}

/// Programs do not change cpumaps: the verifier refuses it.
int Cpumap::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EINVAL;
}
int Cpumap::erase(const uint8_t*) {
    return -EINVAL;
}

const vm::Runnable* Cpumap::program_at(uint32_t key) const {
    return key < spec().entries_max ? targets_.program(key) : nullptr;
}

bool Cpumap::has_target(uint32_t key) const {
    return key < spec().entries_max && targets_.value(key) != nullptr;
}

int Cpumap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < spec().value_bytes) return -EINVAL;
    if (!has_target(index_of(key))) return -ENOENT;
    targets_.get(index_of(key)).copy_to(value.data(), spec().value_bytes);
    return 0;
}

/// In the order of cpu_map_update_elem.
int Cpumap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (value.size() != spec().value_bytes || flags > vm::kUpdateExist) return -EINVAL;
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return -E2BIG;
    if (flags == vm::kUpdateNoExist) return -EEXIST;
    const Target target = Target::from(value.data(), value.size());
    if (target.number > kCpumapQueueMax) return -EOVERFLOW;
    if (index >= cpu_slots_) return -ENODEV;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    const vm::Runnable* program = nullptr;
    if (target.number != 0 && target.program_id != 0) {
        if (target.program_id != targets_.get(index).program_id) return -EINVAL;
        program = targets_.program(index);
    }
    targets_.set(index, target.number == 0 ? Target{} : target, program);
    return 0;
}

int Cpumap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (index_of(key) >= spec().entries_max) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    targets_.set(index_of(key), {}, nullptr);
    return 0;
}

int Cpumap::bind_program(const uint8_t* key, const vm::Runnable* program, uint32_t id) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (spec().value_bytes != kTargetBytes) return -EOPNOTSUPP;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    const uint32_t index = index_of(key);
    if (!has_target(index)) return -ENOENT;
    targets_.set(index, {targets_.get(index).number, program != nullptr ? id : 0}, program);
    return 0;
}

int Cpumap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return next_index(key, next, spec().entries_max);
}

}  // namespace weir::maps
