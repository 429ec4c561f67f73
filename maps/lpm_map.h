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

#include "maps/lpm_nodes.h"
#include "maps/spin_lock.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Threads: as vm::Map. Readers take no lock; workers that read are registered (maps/reclaim.h).
/// One lock for writers: a worker that does not get it soon gives up with -EBUSY, as in the kernel.
class LpmMap final : public vm::Map {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;
    vm::LookupFn lookup_function() const override {
        return [](vm::Map& map, const uint8_t* key, uint32_t cpu) {
            return static_cast<LpmMap&>(map).lookup(key, cpu);
        };
    }
    int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) override;
    int erase(const uint8_t* key) override;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;
    int next_key(const uint8_t* key, uint8_t* next) override;
    uint32_t entries() const override { return entries_.load(std::memory_order_relaxed); }
    uint64_t memory_bytes() const override { return nodes_.memory_bytes(); }
    uint64_t full_count() const override { return full_.load(std::memory_order_relaxed); }

private:
    /// Where a key belongs: the link that leads to `node`, and what was passed on the way.
    struct Place {
        std::atomic<uint32_t>* link;         ///< to node
        uint32_t node;                       ///< kNoNode: the way ends here
        uint32_t matched_bits;               ///< common prefix of key and node
        std::atomic<uint32_t>* parent_link;  ///< to parent; nullptr without one
        uint32_t parent;
    };

    LpmMap(const vm::MapSpec& spec, LpmNodes nodes);

    template <uint32_t kWords>
    uint32_t find(const uint8_t* key) const;
    Place place_of(const LpmKey& key);
    int put(const uint8_t* key, const uint8_t* value, uint64_t flags, Side side);
    int put_locked(const LpmKey& key, const uint8_t* value, uint64_t flags);
    int insert_at(const Place& place, const LpmKey& key, const uint8_t* value);
    int insert_beside(const Place& place, const LpmKey& key, const uint8_t* value);
    int replace_at(const Place& place, const LpmKey& key, const uint8_t* value);
    int remove(const uint8_t* key, Side side);
    void unlink(const Place& place);
    int admission_error(uint64_t flags);
    uint32_t successor(const LpmKey& key) const;
    uint32_t leftmost(uint32_t from) const;

    LpmNodes nodes_;
    std::atomic<uint32_t> root_{kNoNode};
    SpinLock writers_;
    std::atomic<uint32_t> entries_{0};
    std::atomic<uint64_t> full_{0};
};

}  // namespace weir::maps
