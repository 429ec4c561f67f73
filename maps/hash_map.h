#pragma once
// hash and percpu_hash (kernel/bpf/hashtab.c), preallocated in either case: BPF_F_NO_PREALLOC is
// accepted and changes nothing.
//
// Life of a value, as in the kernel's preallocated maps: the memory of a deleted or replaced
// element stays readable and writable as long as the map, but the element may be used again at
// once, for another key; a program that holds on to it then sees that key's value. An update of a
// present key in `hash` replaces the element (who looked it up before keeps the old value; it is
// used again by this worker's next replacement); in `percpu_hash` it writes the slot in place.

#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "maps/hash_find.h"
#include "maps/salvage.h"
#include "maps/value_fields.h"
#include "maps/value_planes.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// What the hash kinds ask of a spec (htab_map_alloc_check), with `flags_allowed` for this kind.
Result<void> check_hash_spec(const vm::MapSpec& spec, uint32_t flags_allowed);

/// Looks without the lock that the control side takes before it locks the bucket to get at a value:
/// programs may replace a large value faster than it can be copied.
constexpr uint32_t kOptimisticReadsMax = 64;

/// Copies the value of `key` with `copy(element)` at a moment when the key held it: 0 or -ENOENT.
template <typename Copy>
int read_value(HashTable& table, const uint8_t* key, const Copy& copy) {
    for (uint32_t look = 0; look < kOptimisticReadsMax; ++look) {
        const HashTable::Hit hit = table.find(key);
        if (!hit) return -ENOENT;
        copy(hit.element);
        if (hit.unchanged()) return 0;
    }
    const HashTable::Guard guard(table, key, Side::Control);
    if (guard.element() == kNoElement) return -ENOENT;
    copy(guard.element());
    return 0;
}

/// Salvageable's salvage for kinds whose values lie in planes.
Salvaged salvage_planes(const HashTable& table, const ValuePlanes& values, vm::Map& into);

/// Threads: as vm::Map; at most one thread at a time with the same `cpu`.
class HashMap final : public vm::Map, public Salvageable {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots,
                                                   MapMemory& memory);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    /// lookup() as code in place, for callers that are compiled for this map's key size (or 0).
    template <uint32_t kKeyBytes>
    uint8_t* look_up(const uint8_t* key);
    vm::LookupFn lookup_function() const override;
    std::optional<vm::LookupSteps> lookup_steps() const override;
    vm::LookupLayout lookup_layout() const override;
    void lookup_bulk(const uint8_t* const* keys, uint32_t count, uint8_t** values,
                     uint32_t cpu) override;
    int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) override;
    int erase(const uint8_t* key) override { return remove(key, Side::Program); }
    int64_t for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) override;
    bool key_of(const uint8_t* value, uint8_t* key) const override;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return table_->entries(); }
    uint64_t memory_bytes() const override { return table_->memory_bytes(); }
    uint64_t used_bytes() const override;
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }
    uint64_t busy_count() const override { return static_cast<uint64_t>(busy_.sum()); }
    /// An element whose lock was held is torn, too.
    Salvaged salvage(vm::Map& into) override;

private:
    /// The element that a writer fills before it takes the lock. A replacement swaps it for the old
    /// one, an insert for one off the free list, so that max_entries are exact and replacing works
    /// in a full map (the kernel's extra_elems).
    struct alignas(64) Spare {
        uint32_t element;
    };

    HashMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table, uint32_t cpu_slots);

    friend struct HashSteps;
    uint64_t ask_element(uint64_t ticket, uint32_t cpu) const;
    int put(Spare& spare, const uint8_t* key, const uint8_t* value, uint64_t flags, Side side);
    int remove(const uint8_t* key, Side side);

    ValueFields fields_;
    std::unique_ptr<HashTable> table_;
    std::vector<Spare> spares_;  ///< one per cpu, the last for the control side
    std::mutex control_;         ///< guards the control side's spare
    ShardedCounter full_, busy_;
};

template <uint32_t kKeyBytes>
[[gnu::always_inline]] inline uint8_t* HashMap::look_up(const uint8_t* key) {
    HashTable::Found found;
    if (!table_->find_at_once<kKeyBytes>(key, found)) return lookup(key, 0);
    return found.payload;
}

/// The values of one cpu lie together, apart from those of the others. Threads: as vm::Map.
class PercpuHashMap final : public vm::Map, public Salvageable {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots,
                                                   MapMemory& memory);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    vm::LookupFn lookup_function() const override;
    std::optional<vm::LookupSteps> lookup_steps() const override;
    vm::LookupLayout lookup_layout() const override;
    void lookup_bulk(const uint8_t* const* keys, uint32_t count, uint8_t** values,
                     uint32_t cpu) override;
    int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) override;
    int erase(const uint8_t* key) override { return remove(key, Side::Program); }
    int64_t for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) override;
    bool key_of(const uint8_t* value, uint8_t* key) const override;

    uint32_t control_value_bytes() const override { return values_.planes() * values_.stride(); }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return table_->entries(); }
    uint64_t memory_bytes() const override {
        return table_->memory_bytes() + values_.memory_bytes();
    }
    uint64_t used_bytes() const override;
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }
    uint64_t busy_count() const override { return static_cast<uint64_t>(busy_.sum()); }
    Salvaged salvage(vm::Map& into) override;

private:
    PercpuHashMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table, ValuePlanes values);

    friend struct HashSteps;
    uint64_t ask_element(uint64_t ticket, uint32_t cpu) const;
    int put(const uint8_t* key, const SlotValues& values, uint64_t flags, Side side);
    int remove(const uint8_t* key, Side side);

    std::unique_ptr<HashTable> table_;
    ValuePlanes values_;
    ShardedCounter full_, busy_;
};

}  // namespace weir::maps
