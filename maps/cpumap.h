#pragma once
// cpumap (kernel/bpf/cpumap.c): keys are workers, for bpf_redirect_map. A value is struct
// bpf_cpumap_val: the length of the queue to that worker, and with 8 bytes the id of a program that
// runs there. A length of 0 empties the entry.

#include <cstdint>
#include <memory>

#include "maps/target_map.h"
#include "vm/base/result.h"

namespace weir::maps {

/// Bound of max_entries, the kernel's NR_CPUS in builds for large machines.
constexpr uint32_t kCpumapEntriesMax = 8192;
constexpr uint32_t kCpumapQueueMax = 16384;  ///< packets; the kernel's bound

class Cpumap final : public TargetArray {
public:
    /// Entries beyond `cpu_slots` cannot be set: -ENODEV.
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots);

    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;

private:
    Cpumap(const vm::MapSpec& spec, TargetSlots targets, uint32_t cpu_slots)
        : TargetArray(spec, std::move(targets)), cpu_slots_(cpu_slots) {}

    uint32_t cpu_slots_;
};

}  // namespace weir::maps
