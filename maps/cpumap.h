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
constexpr uint32_t kCpumapsMax = 256;        ///< alive at once
constexpr uint32_t kCpumapQueueMax = 16384;  ///< packets; the kernel's bound

class Cpumap final : public TargetArray {
public:
    /// Entries beyond `cpu_slots` cannot be set: -ENODEV.
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots);

    ~Cpumap() override;

    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;

    /// Never another's, so that a packet which waits for a worker can say by which map it came and
    /// keeps nothing alive.
    uint32_t number() const { return number_; }
    /// The map that has the number; nullptr: it is gone. A registered reader, until it is
    /// quiescent.
    static const Cpumap* with_number(uint32_t number);
    /// with_number finds it no more. Before the grace period after which it is freed.
    void retire();

private:
    Cpumap(const vm::MapSpec& spec, TargetSlots targets, uint32_t cpu_slots, uint32_t number)
        : TargetArray(spec, std::move(targets)), cpu_slots_(cpu_slots), number_(number) {}
    int number_error(uint32_t number) const override;

    uint32_t cpu_slots_;
    uint32_t number_;
};

}  // namespace weir::maps
