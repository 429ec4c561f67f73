#pragma once
// devmap and devmap_hash (kernel/bpf/devmap.c): keys to devices, for bpf_redirect_map. A value is
// struct bpf_devmap_val: an ifindex, and with 8 bytes the id of a program that runs on what goes
// there. Interface numbers are not checked here: only whoever owns the ports knows them.
//
// Control side: control_update sets the device of an entry and takes the program away (a value may
// repeat the id that is bound, then the program stays); bind_program puts one behind it.
// control_lookup and programs see ifindex and id.

#include <cstdint>
#include <memory>
#include <mutex>

#include "maps/hash_table.h"
#include "maps/redirect_map.h"
#include "maps/target_slots.h"
#include "vm/base/result.h"

namespace weir::maps {

/// What both kinds share; where an entry lies is theirs.
class DevmapBase : public RedirectMap {
public:
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EINVAL
    int erase(const uint8_t*) override;                                       ///< -EINVAL
    const vm::Runnable* program_at(uint32_t key) const override;
    bool has_target(uint32_t key) const override;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int bind_program(const uint8_t* key, const vm::Runnable* program, uint32_t id) override;

protected:
    DevmapBase(const vm::MapSpec& spec, TargetSlots targets)
        : RedirectMap(spec), targets_(std::move(targets)) {}

    /// The slot of a key that has an entry, or kNoElement. Any thread.
    virtual uint32_t slot_of(uint32_t key) const = 0;
    /// What an update makes of an entry: -EINVAL where the value names a program that is not bound.
    int set(uint32_t slot, const Target& target);

    TargetSlots targets_;
    std::mutex control_;  ///< among writers
};

class Devmap final : public DevmapBase {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    int64_t for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) override;
    /// ifindex 0 empties the entry.
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return spec().entries_max; }
    uint64_t memory_bytes() const override { return targets_.memory_bytes(); }

private:
    using DevmapBase::DevmapBase;
    uint32_t slot_of(uint32_t key) const override;
};

class DevmapHash final : public DevmapBase {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    int64_t for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return table_->entries(); }
    uint64_t memory_bytes() const override {
        return targets_.memory_bytes() + table_->memory_bytes();
    }
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }

private:
    DevmapHash(const vm::MapSpec& spec, TargetSlots targets, std::unique_ptr<HashTable> table)
        : DevmapBase(spec, std::move(targets)), table_(std::move(table)) {}
    uint32_t slot_of(uint32_t key) const override;
    int insert(const uint8_t* key, const Target& target);

    std::unique_ptr<HashTable> table_;
    ShardedCounter full_;
};

}  // namespace weir::maps
