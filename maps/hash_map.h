#pragma once
// hash and percpu_hash (kernel/bpf/hashtab.c), preallocated in either case: BPF_F_NO_PREALLOC is
// accepted and changes nothing.
//
// Life of a value, as in the kernel's preallocated maps: the memory of a deleted or replaced
// element stays readable and writable as long as the map, but the element may be used again at
// once, for another key; a program that holds on to it then sees that key's value. An update of a
// present key in `hash` replaces the element (who looked it up before keeps the old value; it is
// used again by this worker's next replacement); in `percpu_hash` it writes the slot in place.

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "maps/hash_table.h"
#include "maps/region.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Threads: as vm::Map; at most one thread at a time with the same `cpu`.
class HashMap final : public vm::Map {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    vm::LookupFn lookup_function() const override {
        return [](vm::Map& map, const uint8_t* key, uint32_t cpu) {
            return static_cast<HashMap&>(map).lookup(key, cpu);
        };
    }
    int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) override;
    int erase(const uint8_t* key) override { return remove(key, Side::Program); }

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return table_->entries(); }
    uint64_t memory_bytes() const override { return table_->memory_bytes(); }
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }

private:
    /// The element that a writer fills before it takes the lock. A replacement swaps it for the old
    /// one, an insert for one off the free list, so that max_entries are exact and replacing works
    /// in a full map (the kernel's extra_elems).
    struct alignas(64) Spare {
        uint32_t element;
    };

    HashMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table, uint32_t cpu_slots);

    int put(Spare& spare, const uint8_t* key, const uint8_t* value, uint64_t flags, Side side);
    int remove(const uint8_t* key, Side side);

    std::unique_ptr<HashTable> table_;
    std::vector<Spare> spares_;  ///< one per cpu, the last for the control side
    std::mutex control_;         ///< guards the control side's spare
    ShardedCounter full_;
};

/// The values of one cpu lie together, apart from those of the others. Threads: as vm::Map.
class PercpuHashMap final : public vm::Map {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    vm::LookupFn lookup_function() const override {
        return [](vm::Map& map, const uint8_t* key, uint32_t cpu) {
            return static_cast<PercpuHashMap&>(map).lookup(key, cpu);
        };
    }
    int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) override;
    int erase(const uint8_t* key) override { return remove(key, Side::Program); }

    uint32_t control_value_bytes() const override { return cpu_slots_ * stride_; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return table_->entries(); }
    uint64_t memory_bytes() const override { return table_->memory_bytes() + values_.bytes(); }
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }

private:
    /// What a writer puts into the slots. Slots without a value become zero in a new element and
    /// stay in an old one.
    struct SlotValues {
        const uint8_t* base;
        uint64_t step;      ///< bytes from one cpu's value to the next; 0: the same for all
        uint32_t only_cpu;  ///< kAllCpus, or the only one that has a value
    };
    static constexpr uint32_t kAllCpus = 0xffffffff;

    PercpuHashMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table, Region values,
                  uint32_t cpu_slots);

    uint8_t* value_of(uint32_t element, uint32_t cpu) const {
        return values_.data() + cpu * plane_bytes_ + uint64_t{element} * stride_;
    }
    int put(const uint8_t* key, const SlotValues& values, uint64_t flags, Side side);
    void write_slots(uint32_t element, const SlotValues& values);
    void zero_other_slots(uint32_t element, uint32_t cpu);
    void read_slots(uint32_t element, uint8_t* to) const;
    int remove(const uint8_t* key, Side side);

    std::unique_ptr<HashTable> table_;
    uint32_t cpu_slots_;
    uint32_t stride_;
    uint64_t plane_bytes_;
    Region values_;
    ShardedCounter full_;
};

}  // namespace weir::maps
