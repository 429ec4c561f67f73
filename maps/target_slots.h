#pragma once
// Entries of devmap and cpumap: what the kernel's struct bpf_devmap_val and bpf_cpumap_val are, a
// number (ifindex, or length of a queue) and the id of a program to run behind it. Read by any
// thread as one word; changed by one thread at a time.

#include <atomic>
#include <cstdint>
#include <string>

#include "maps/region.h"
#include "maps/slot_count.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

constexpr uint32_t kTargetBytes = 8;       ///< both fields
constexpr uint32_t kTargetShortBytes = 4;  ///< the number alone

struct Target {
    uint32_t number = 0;
    uint32_t program_id = 0;

    /// From a value of 4 or 8 bytes.
    static Target from(const uint8_t* value, size_t bytes);
    void copy_to(uint8_t* value, size_t bytes) const;
};

/// Where what is redirected by an entry goes; a number of 0: there is no entry.
struct Destination {
    uint32_t number = 0;
    const vm::Runnable* program = nullptr;
};

/// Values of 4 or 8 bytes, keys of 4, at least one entry, `flags_allowed`.
Result<void> check_target_spec(const vm::MapSpec& spec, uint32_t flags_allowed);

/// By slot; a number of 0 is an empty slot.
class TargetSlots {
public:
    static Result<TargetSlots> take(uint32_t slots, const std::string& map_name);

    Target get(uint32_t slot) const;
    /// Address of the slot's 8 bytes for programs that read them, nullptr if it is empty.
    uint8_t* value(uint32_t slot) const;
    const vm::Runnable* program(uint32_t slot) const;
    Destination destination(uint32_t slot) const;
    void set(uint32_t slot, const Target& target, const vm::Runnable* program);
    uint32_t filled() const { return filled_.get(); }
    uint64_t memory_bytes() const { return memory_.bytes() + programs_.bytes(); }

private:
    TargetSlots(Region memory, Region programs)
        : memory_(std::move(memory)), programs_(std::move(programs)) {}
    std::atomic<const vm::Runnable*>& program_slot(uint32_t slot) const {
        return reinterpret_cast<std::atomic<const vm::Runnable*>*>(programs_.data())[slot];
    }

    Region memory_;
    Region programs_;
    SlotCount filled_;
};

}  // namespace weir::maps
