#pragma once
// array_of_maps and hash_of_maps (kernel/bpf/{arraymap,hashtab,map_in_map}.c). The control side
// puts maps into slots with bind_map and sees their ids; a program's look-up gives the inner map
// itself. Inner maps are not owned: they outlive the slot, and whoever read it.

#include <cstdint>
#include <memory>
#include <mutex>

#include "maps/bound_slots.h"
#include "maps/hash_table.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// spec.inner is there, and of a kind that may stand in a map (bpf_map_meta_alloc).
Result<void> check_inner_spec(const vm::MapSpec& spec);
/// May `inner` stand where `wanted` is promised (map_meta_equal of its kind)?
bool is_such_a_map(const vm::MapSpec& wanted, const vm::MapSpec& inner);

class MapOfMaps : public vm::Map {
public:
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EOPNOTSUPP
    int erase(const uint8_t*) override;                                       ///< -EOPNOTSUPP
    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    /// -EOPNOTSUPP: a number alone is no map; see bind_map.
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;

protected:
    MapOfMaps(const vm::MapSpec& spec, BoundSlots<vm::Map> slots)
        : Map(spec), slots_(std::move(slots)) {}

    BoundSlots<vm::Map> slots_;
    std::mutex control_;  ///< among the control side
};

class ArrayOfMaps final : public MapOfMaps {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_erase(const uint8_t* key) override;
    int bind_map(const uint8_t* key, vm::Map* inner, uint32_t id) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return slots_.filled(); }
    uint64_t memory_bytes() const override { return slots_.memory_bytes(); }
    uint64_t full_count() const override { return 0; }

private:
    using MapOfMaps::MapOfMaps;
};

class HashOfMaps final : public MapOfMaps {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_erase(const uint8_t* key) override;
    int bind_map(const uint8_t* key, vm::Map* inner, uint32_t id) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return table_->entries(); }
    uint64_t memory_bytes() const override {
        return slots_.memory_bytes() + table_->memory_bytes();
    }
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }

private:
    HashOfMaps(const vm::MapSpec& spec, BoundSlots<vm::Map> slots, std::unique_ptr<HashTable> table)
        : MapOfMaps(spec, std::move(slots)), table_(std::move(table)) {}

    std::unique_ptr<HashTable> table_;
    ShardedCounter full_;
};

}  // namespace weir::maps
