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
    return set(index, target.number == 0 ? Target{} : target);
}

}  // namespace weir::maps
