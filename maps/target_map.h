#pragma once
// What devmap, devmap_hash and cpumap share: an entry is a number (an ifindex, or the length of a
// queue), and with 8 bytes the id of a program that runs on what goes there.
//
// Control side: control_update sets the number of an entry and takes the program away (a value may
// repeat the id that is bound, then the program stays); bind_program puts one behind it.
// control_lookup and programs see number and id.

#include <mutex>

#include "maps/redirect_map.h"
#include "maps/target_slots.h"

namespace weir::maps {

/// Where an entry lies is the kind's.
class TargetMap : public RedirectMap {
public:
    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EINVAL
    int erase(const uint8_t*) override;                                       ///< -EINVAL
    const vm::Runnable* program_at(uint32_t key) const override;
    bool has_target(uint32_t key) const override;
    /// Number and program of the entry as one of its updates left them; a number of 0: there is no
    /// entry. Any thread.
    Destination destination(uint32_t key) const;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int bind_program(const uint8_t* key, const vm::Runnable* program, uint32_t id) override;
    /// Number and program at once, so that nothing goes there around the program. `program` is not
    /// owned, nullptr: none; `target.program_id` is what the control side reads back.
    int set_target(const uint8_t* key, const Target& target, const vm::Runnable* program);
    uint32_t entries() const override { return targets_.filled(); }
    uint64_t memory_bytes() const override { return targets_.memory_bytes(); }

protected:
    TargetMap(const vm::MapSpec& spec, TargetSlots targets)
        : RedirectMap(spec), targets_(std::move(targets)) {}

    /// The slot of a key that has an entry, or kNoElement. Any thread.
    virtual uint32_t slot_of(uint32_t key) const = 0;
    /// What an update makes of an entry: -EINVAL where the value names a program that is not bound.
    int set(uint32_t slot, const Target& target);
    /// Whether the kind takes this number, as control_update says it.
    virtual int number_error(uint32_t /*number*/) const { return 0; }

    TargetSlots targets_;
    std::mutex control_;  ///< among writers
};

/// Keys are the slots.
class TargetArray : public TargetMap {
public:
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;

protected:
    using TargetMap::TargetMap;
    uint32_t slot_of(uint32_t key) const override;
};

}  // namespace weir::maps
