#include "maps/cpumap.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>

#include <fmt/core.h>

#include "maps/index_key.h"
#include "maps/spec_check.h"

namespace weir::maps {
namespace {

/// Every cpumap alive, at number % kCpumapsMax. Release by the control side, acquire by readers.
std::array<std::atomic<Cpumap*>, kCpumapsMax> alive;
std::mutex numbering;
uint32_t last_number = 0;

/// 0: all places are taken. Under `numbering`.
uint32_t free_number() {
    for (uint32_t step = 1; step <= kCpumapsMax; ++step) {
        const uint32_t number = last_number + step;
        if (number != 0 && alive[number % kCpumapsMax].load(std::memory_order_relaxed) == nullptr)
            return last_number = number;
    }
    return 0;
}

}  // namespace

Cpumap::~Cpumap() {
    retire();
}

void Cpumap::retire() {
    const std::lock_guard<std::mutex> one_at_a_time(numbering);
    std::atomic<Cpumap*>& place = alive[number_ % kCpumapsMax];
    if (place.load(std::memory_order_relaxed) == this)
        place.store(nullptr, std::memory_order_release);
}

const Cpumap* Cpumap::with_number(uint32_t number) {
    const Cpumap* const found = alive[number % kCpumapsMax].load(std::memory_order_acquire);
    return found != nullptr && found->number_ == number ? found : nullptr;
}

Result<std::unique_ptr<vm::Map>> Cpumap::create(const vm::MapSpec& spec, uint32_t cpu_slots) {
    if (const Result<void> ok = check_target_spec(spec, kMapNumaNode); !ok)
        return std::unexpected(ok.error());
    if (spec.entries_max > kCpumapEntriesMax) {
        return refuse(spec, fmt::format("max_entries {} exceeds {} cpus", spec.entries_max,
                                        kCpumapEntriesMax));
    }
    Result<TargetSlots> targets = TargetSlots::take(spec.entries_max, spec.name);
    if (!targets) return std::unexpected(targets.error());
    const std::lock_guard<std::mutex> one_at_a_time(numbering);
    const uint32_t number = free_number();
    if (number == 0) return refuse(spec, fmt::format("{} cpumaps are alive", kCpumapsMax));
    auto* const made = new Cpumap(spec, std::move(*targets), cpu_slots, number);
    alive[number % kCpumapsMax].store(made, std::memory_order_release);
    return std::unique_ptr<vm::Map>(made);
}

int Cpumap::number_error(uint32_t number) const {
    return number > kCpumapQueueMax ? -EOVERFLOW : 0;
}

/// In the order of cpu_map_update_elem.
int Cpumap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (value.size() != spec().value_bytes || flags > vm::kUpdateExist) return -EINVAL;
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return -E2BIG;
    if (flags == vm::kUpdateNoExist) return -EEXIST;
    const Target target = Target::from(value.data(), value.size());
    if (const int error = number_error(target.number); error != 0) return error;
    if (index >= cpu_slots_) return -ENODEV;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    return set(index, target.number == 0 ? Target{} : target);
}

}  // namespace weir::maps
