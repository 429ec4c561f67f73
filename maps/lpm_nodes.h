#pragma once
// The nodes of an LPM trie: entries, which have a value, and forks, where two prefixes part. Two
// pools of fixed size; a node's number tells which it is.

#include <atomic>
#include <cstdint>

#include "maps/lpm_grace.h"
#include "maps/lpm_key.h"

namespace weir::maps {

constexpr uint32_t kNoNode = 0;  ///< so that zeroed memory leads nowhere

/// Header of a node; the address words follow. Everything but children is written before the node
/// is published and not changed while a reader may see it.
struct LpmNode {
    std::atomic<uint32_t> child[2];
    uint16_t prefix_bits;
    uint16_t unused;
    uint32_t pool_link;  ///< writers only: children stay as they are while readers may follow them
    uint64_t words[];
};

/// Where the values of entries lie.
struct LpmValues {
    uint8_t* base;
    uint64_t stride;

    uint8_t* of(uint32_t entry) const { return base + entry * stride; }
    /// nullptr for kNoNode; without a branch, which random addresses would make guess wrong.
    uint8_t* of_or_null(uint32_t entry) const {
        const uintptr_t address = reinterpret_cast<uintptr_t>(base) + entry * stride;
        return reinterpret_cast<uint8_t*>(address & (uintptr_t{0} - uintptr_t{entry != kNoNode}));
    }
};

/// Threads: at(), values() and is_entry() anyone; the others under the map's
/// writer lock.
class LpmNodes {
public:
    struct Shape {
        uint32_t entries_max;
        uint32_t address_bytes;
        uint32_t value_bytes;
    };
    static uint64_t bytes_needed(const Shape& shape);

    /// In zeroed memory of bytes_needed(), aligned to 64.
    LpmNodes(uint8_t* memory, const Shape& shape);

    LpmNode& at(uint32_t node) const {
        return *reinterpret_cast<LpmNode*>(nodes_ + node * node_stride_);
    }
    const LpmValues& values() const { return values_; }
    /// Place 0 is nobody's node: where a trie keeps its root, so that its memory tells all of it.
    std::atomic<uint32_t>& root_link() const { return at(kNoNode).child[0]; }
    uint32_t last() const { return forks_.last; }  ///< no node has a greater number
    bool is_entry(uint32_t node) const { return node <= entries_.last; }
    uint32_t address_bytes() const { return address_bytes_; }
    uint64_t entry_bytes() const { return node_stride_ + values_.stride; }
    uint64_t fork_bytes() const { return node_stride_; }

    /// True when so many can be taken. False: all that are left wait for readers.
    bool reserve(uint32_t entries, uint32_t forks);
    /// One of the reserved, without children.
    uint32_t take_entry(const uint64_t* words, uint32_t prefix_bits);
    uint32_t take_fork(const uint64_t* words, uint32_t prefix_bits);
    /// Out of sight of new readers: free again after a grace period.
    void retire(uint32_t node);

private:
    struct Pool {
        uint32_t fresh;  ///< numbers from here to `last` were never used
        uint32_t last;
        uint32_t free = kNoNode;  ///< linked through pool_link
        uint32_t free_count = 0;
        LpmGrace grace;

        bool has(uint32_t count) const {
            return uint64_t{free_count} + (last + 1 - fresh) >= count;
        }
    };

    bool reserve(Pool& pool, uint32_t count);
    uint32_t take(Pool& pool, const uint64_t* words, uint32_t prefix_bits);
    void collect(Pool& pool);

    uint8_t* nodes_;
    LpmValues values_;
    uint64_t node_stride_;
    uint32_t address_bytes_;
    uint32_t words_;
    Pool entries_;
    Pool forks_;
};

}  // namespace weir::maps
