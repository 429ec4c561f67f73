#pragma once
// lru_hash and lru_percpu_hash (kernel/bpf/hashtab.c): a hash that makes room when it is full, and
// never refuses a new key for lack of it. Which key goes: lru_lists.h.
//
// Look-ups of programs are those of the hash kinds, without a lock, and mark what they find.
// Changes hold the lock of one bucket, and of the cpu's own shard to get an element; elements are
// never waited for (lru_shards.h). As in the kernel an update takes its element before it looks for
// the key, so that in a full lru_hash replacing a value may push out another key. Life of a value
// as in hash_map.h: an evicted element may be used again at once, for another key.

#include <cstdint>
#include <memory>

#include "maps/hash_map.h"
#include "maps/hash_table.h"
#include "maps/lru_shards.h"
#include "maps/salvage.h"
#include "maps/value_planes.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Threads: as vm::Map. A worker gets -EBUSY only where a control thread lost its core while it
/// held the very bucket of the key.
class LruMap final : public vm::Map, public Salvageable {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, uint32_t cpu_slots,
                                                   MapMemory& memory);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    /// lookup() as code in place, for callers that are compiled for this map's key size (or 0).
    template <uint32_t kKeyBytes>
    uint8_t* look_up(const uint8_t* key, uint32_t cpu);
    vm::LookupFn lookup_function() const override;
    std::optional<vm::LookupSteps> lookup_steps() const override;
    vm::LookupLayout lookup_layout() const override;
    void lookup_bulk(const uint8_t* const* keys, uint32_t count, uint8_t** values,
                     uint32_t cpu) override;
    int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) override;
    int erase(const uint8_t* key) override { return remove(key, Side::Program); }
    int64_t for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) override;
    bool key_of(const uint8_t* value, uint8_t* key) const override;

    uint32_t control_value_bytes() const override {
        return is_percpu() ? values_.planes() * values_.stride() : spec().value_bytes;
    }
    /// Does not count as use.
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    /// At most max_entries when threads rest. While more threads insert at once than it has
    /// elements, up to one more for each of them.
    uint32_t entries() const override { return table_->entries(); }
    uint64_t memory_bytes() const override {
        return table_->memory_bytes() + values_.memory_bytes() + lists_->memory_bytes();
    }
    uint64_t used_bytes() const override;
    /// Inserts that found no element to evict: none, with as many threads as lru_shards.h says.
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }
    uint64_t busy_count() const override { return static_cast<uint64_t>(busy_.sum()); }
    uint64_t evicted_count() const override { return static_cast<uint64_t>(evicted_.sum()); }
    /// Which of them was used last is not kept. `into` is an LruMap; what its batches evict of a
    /// full map does not count as kept.
    Salvaged salvage(vm::Map& into) override;

private:
    class Evictor;

    LruMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table, ValuePlanes values,
           std::unique_ptr<LruShards> lists);

    uint8_t* use(uint32_t element, uint32_t cpu);
    friend struct HashSteps;
    uint64_t ask_element(uint64_t ticket, uint32_t cpu) const;
    uint32_t take(uint32_t cpu, Side side);
    bool is_percpu() const { return vm::is_percpu(spec().type); }
    int put(const uint8_t* key, const SlotValues& values, uint64_t flags, uint32_t cpu, Side side);
    int put_all_slots(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags,
                      uint32_t cpu);
    int put_replacing(const uint8_t* key, const SlotValues& values, uint64_t flags, uint32_t fresh,
                      Side side);
    int put_in_place(const uint8_t* key, const SlotValues& values, uint64_t flags, uint32_t fresh,
                     Side side);
    void free(uint32_t element);
    int remove(const uint8_t* key, Side side);

    std::unique_ptr<HashTable> table_;
    ValuePlanes values_;
    std::unique_ptr<LruShards> lists_;
    ShardedCounter full_;
    ShardedCounter busy_;
    ShardedCounter evicted_;
};

/// The value of what a look-up found, which counts as used from now on.
inline uint8_t* LruMap::use(uint32_t element, uint32_t cpu) {
    const uint32_t plane = is_percpu() ? cpu : 0;
    if (element == kNoElement || plane >= values_.planes()) return nullptr;
    lists_->mark(element);
    return values_.at(element, plane);
}

template <uint32_t kKeyBytes>
[[gnu::always_inline]] inline uint8_t* LruMap::look_up(const uint8_t* key, uint32_t cpu) {
    HashTable::Found found;
    if (!table_->find_at_once<kKeyBytes>(key, found)) return lookup(key, cpu);
    return use(found.element, cpu);
}

}  // namespace weir::maps
