#pragma once
// cpumap (kernel/bpf/cpumap.c): keys are workers, for bpf_redirect_map. A value is struct
// bpf_cpumap_val: the length of the queue to that worker, and with 8 bytes the id of a program that
// runs there. Control side as of a devmap (devmap.h); a length of 0 empties the entry.

#include <cstdint>
#include <memory>
#include <mutex>

#include "maps/redirect_map.h"
#include "maps/target_slots.h"
#include "vm/base/result.h"

namespace weir::maps {

/// Bound of max_entries, the kernel's NR_CPUS in builds for large machines.
constexpr uint32_t kCpumapEntriesMax = 8192;
constexpr uint32_t kCpumapQueueMax = 16384;  ///< packets; the kernel's bound

class Cpumap final : public RedirectMap {
public:
    /// Entries beyond `cpu_slots` cannot be set: -ENODEV.
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EINVAL
    int erase(const uint8_t*) override;                                       ///< -EINVAL
    const vm::Runnable* program_at(uint32_t key) const override;
    bool has_target(uint32_t key) const override;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int bind_program(const uint8_t* key, const vm::Runnable* program, uint32_t id) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return spec().entries_max; }
    uint64_t memory_bytes() const override { return targets_.memory_bytes(); }

private:
    Cpumap(const vm::MapSpec& spec, TargetSlots targets, uint32_t cpu_slots)
        : RedirectMap(spec), targets_(std::move(targets)), cpu_slots_(cpu_slots) {}

    TargetSlots targets_;
    uint32_t cpu_slots_;
    std::mutex control_;  ///< among writers
};

}  // namespace weir::maps
