#pragma once
// lpm_trie (kernel/bpf/lpm_trie.c): a u32 prefix length in host order, then 1 to 256 bytes of
// address in network order. A look-up gives the longest stored prefix that is no longer than the
// key's own length.
//
// Results, error codes (-ENOSPC when full) and the order of next_key (postorder) are the kernel's.
// The value that a look-up gave stays unchanged by deletion and replacement until the worker's next
// quiescent state.

#include <atomic>
#include <cstdint>
#include <memory>

#include "maps/lpm_fib.h"
#include "maps/lpm_nodes.h"
#include "maps/lpm_trie.h"
#include "maps/memory.h"
#include "maps/salvage.h"
#include "maps/spin_lock.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Threads: as vm::Map. Readers take no lock; workers that read are registered (maps/reclaim.h).
/// One lock for writers: a worker that does not get it soon gives up with -EBUSY, as in the kernel.
/// It holds for one change: about a microsecond, some 25 to 40 for a /9, which is shown in 32,768
/// slots. A worker's deletion gives -EBUSY also when every node that could take the entry's place
/// waits for readers.
class LpmMap final : public vm::Map, public Salvageable {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, MapMemory& memory);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override {
        return readers_.one(*this, key, cpu);
    }
    void lookup_bulk(const uint8_t* const* keys, uint32_t count, uint8_t** values,
                     uint32_t /*cpu*/) override {
        readers_.many(*this, keys, count, values);
    }
    vm::LookupFn lookup_function() const override { return readers_.one; }
    std::optional<vm::LookupSteps> lookup_steps() const override { return readers_.steps; }
    vm::LookupLayout lookup_layout() const override;
    /// lookup() as code in place, for callers that are compiled for this map's shape; in
    /// lpm_map_find.h. kAddressBytes: 0 for any.
    template <LpmLayout kLayout, uint32_t kAddressBytes>
    uint8_t* look_up(const uint8_t* key) const;
    int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) override;
    int erase(const uint8_t* key) override;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return entries_.load(std::memory_order_relaxed); }
    uint64_t memory_bytes() const override { return memory_.bytes(); }
    /// The direct tables, the blocks in use, and for each entry a node, its value and a fork.
    uint64_t used_bytes() const override;
    uint64_t full_count() const override { return full_.load(std::memory_order_relaxed); }
    uint64_t busy_count() const override { return busy_.load(std::memory_order_relaxed); }
    /// From the trie alone: its picture is made anew.
    Salvaged salvage(vm::Map& into) override;

private:
    /// Look-ups for the shape of the map.
    struct Readers {
        vm::LookupFn one;
        void (*many)(LpmMap& map, const uint8_t* const* keys, uint32_t count, uint8_t** values);
        vm::LookupSteps steps;
    };

    LpmMap(const vm::MapSpec& spec, Region memory, const LpmNodes::Shape& nodes,
           const LpmFib::Shape& fib);

    static Readers readers_for(LpmLayout layout, uint32_t address_bytes);
    template <LpmLayout kLayout>
    static Readers readers_of_size(uint32_t address_bytes);
    template <LpmLayout kLayout, uint32_t kAddressBytes>
    static uint8_t* look_up_one(vm::Map& map, const uint8_t* key, uint32_t cpu);
    template <LpmLayout kLayout, uint32_t kAddressBytes>
    static uint64_t ask(const vm::Map& map, const uint8_t* key, uint32_t cpu);
    template <LpmLayout kLayout, uint32_t kAddressBytes>
    static uint64_t ask_on(const vm::Map& map, const uint8_t* key, uint32_t cpu, uint64_t ticket);
    template <LpmLayout kLayout, uint32_t kAddressBytes>
    static void look_up_many(LpmMap& map, const uint8_t* const* keys, uint32_t count,
                             uint8_t** values);
    void write_key(const LpmNode& node, uint8_t* key) const;
    uint8_t* look_up_shorter(const uint8_t* key) const;

    int put(const uint8_t* key, const uint8_t* value, uint64_t flags, Side side);
    int put_locked(const LpmKey& key, const uint8_t* value, uint64_t flags);
    int remove(const uint8_t* key, Side side);
    int remove_locked(const LpmKey& key);
    int admission_error(uint64_t flags);
    void show(const LpmChange& change);
    template <typename Attempt>
    int outlast_readers(Attempt attempt);

    Region memory_;
    Readers readers_;
    LpmNodes nodes_;
    LpmTrie trie_;
    LpmFib fib_;
    SpinLock writers_;
    std::atomic<uint32_t> entries_{0};
    std::atomic<uint64_t> full_{0};
    std::atomic<uint64_t> busy_{0};
};

}  // namespace weir::maps
