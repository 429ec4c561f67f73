#pragma once
// The exact record of an lpm_trie: a path-compressed binary trie, as the kernel's
// (kernel/bpf/lpm_trie.c). Children are longer than their parent and agree with it. Every change is
// one store to the link that leads to the changed place: readers see it before or after.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "maps/lpm_key.h"
#include "maps/lpm_nodes.h"

namespace weir::maps {

/// What one update or deletion did, for those who keep a picture of the trie.
struct LpmChange {
    const LpmKey* key;
    uint32_t before;  ///< entry of exactly this prefix until now; kNoNode: none
    uint32_t after;   ///< from now on
    uint32_t cover;   ///< the closest shorter entry that covers it, of those at or below the anchor
    uint32_t anchor;  ///< shorter node on the key's way; it and all above it stayed. kNoNode: none
    std::array<uint32_t, 2> gone;  ///< nodes out of sight
};

/// Threads: walk, next and root anyone; the others under the map's writer lock.
class LpmTrie {
public:
    /// Where a key belongs: the link that leads to `node`, and what was passed on the way.
    struct Place {
        std::atomic<uint32_t>* link;         ///< to node
        uint32_t node;                       ///< kNoNode: the way ends here
        uint32_t matched_bits;               ///< common prefix of key and node
        std::atomic<uint32_t>* parent_link;  ///< to parent; nullptr without one, or if it is anchor
        uint32_t parent;
        uint32_t cover;
        uint32_t anchor;
    };

    explicit LpmTrie(LpmNodes& nodes) : nodes_(nodes), root_(nodes.root_link()) {}

    uint32_t root() const { return root_.load(std::memory_order_acquire); }

    /// The longest match of the first `prefix_bits` bits at or below node `from`, which the key
    /// passes; `found` where there is none. kWords: of the address; 0: any number.
    template <uint32_t kWords>
    uint32_t walk(uint32_t from, uint32_t found, const uint64_t* words, uint32_t prefix_bits) const;

    /// The entry behind `key` in postorder; the first one if the key is absent or nullptr; kNoNode
    /// at the end.
    uint32_t next(const LpmKey* key) const;

    /// `anchor`: a node on the key's way that is shorter than the key, or kNoNode.
    Place place_of(const LpmKey& key, uint32_t anchor);
    /// The entry of exactly this prefix, or kNoNode.
    uint32_t entry_at(const Place& place, const LpmKey& key) const;
    /// True when put needs a fork beside its entry.
    bool parts(const Place& place, const LpmKey& key) const;
    /// Inserts or replaces. Takes one entry and, where it parts, one fork, both reserved.
    LpmChange put(const Place& place, const LpmKey& key, const uint8_t* value,
                  uint32_t value_bytes);
    /// Takes the entry of `place` out; may take one reserved fork.
    LpmChange remove(const Place& place, const LpmKey& key);

    /// The topmost node of at least `bits` bits that begins with the first `bits` bits of the
    /// address. `from`: a node at or above it on the address's way, or kNoNode.
    uint32_t topmost(uint32_t from, const uint64_t* words, uint32_t bits) const;
    /// Entries longer than `bits` at or below `from`, each before those that it covers; the count.
    /// With `entries.size()` or more it is entries.size(), and which ones is left open.
    uint32_t gather(uint32_t from, uint32_t bits, std::span<uint32_t> entries) const;
    /// True when more than `limit` (at most kGatherMax - 1) such entries are there.
    static constexpr uint32_t kGatherMax = 256;
    bool holds_more(uint32_t from, uint32_t bits, uint32_t limit) const;
    /// True when `node` is shorter than the key and on its way.
    bool covers(uint32_t node, const LpmKey& key) const;

    /// Of nodes in dead memory, which trusts nothing that it reads: the entries that are where
    /// their prefixes belong. Adds to `torn` the nodes that are not; what is below them is lost.
    std::vector<uint32_t> whole_entries(uint64_t& torn) const;

private:
    bool is_below(const LpmNode& node, const uint64_t* words, uint32_t bits) const {
        return common_bits(node.words, words, bits) == bits;
    }
    void copy_children(uint32_t from, uint32_t to);
    uint32_t leftmost(uint32_t from) const;

    LpmNodes& nodes_;
    std::atomic<uint32_t>& root_;
};

template <uint32_t kWords>
uint32_t LpmTrie::walk(uint32_t from, uint32_t found, const uint64_t* words,
                       uint32_t prefix_bits) const {
    for (uint32_t at = from; at != kNoNode;) {
        const LpmNode& node = nodes_.at(at);
        const uint32_t bits = node.prefix_bits;
        if (bits > prefix_bits) return found;
        if constexpr (kWords == 1) {
            const auto common = static_cast<uint32_t>(std::countl_zero(node.words[0] ^ words[0]));
            if (common < bits) return found;
        } else {
            if (common_bits(node.words, words, bits) < bits) return found;
        }
        if (nodes_.is_entry(at)) found = at;
        if (bits == prefix_bits) return found;
        at = node.child[address_bit(words, bits)].load(std::memory_order_acquire);
    }
    return found;
}

}  // namespace weir::maps
