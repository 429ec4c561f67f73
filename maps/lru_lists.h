#pragma once
// The elements of one shard of an LRU map, and which of them goes: the kernel's choice, step for
// step (kernel/bpf/bpf_lru_list.c of Linux 6.18), so that programs that rely on it see the same
// keys survive.
//
// Exact LRU order would write a shared list at every look-up. Instead a look-up only sets a mark on
// the element, and lists are put in order when an element is needed: marked ones move to the active
// list (a second chance), unmarked ones of the inactive list's end leave, a batch at a time.

#include <cstdint>

#include "maps/lru_nodes.h"

namespace weir::maps {

/// One thread at a time: whoever holds the shard's lock.
class LruLists {
public:
    static constexpr uint32_t kHeads = 4;  ///< nodes that it needs, on one cache line

    /// Empty. `scans`: how many elements one step looks at.
    LruLists(const LruNodes& nodes, uint32_t first_head, uint16_t shard, uint32_t scans);

    /// An element that is in no list.
    void add(uint32_t element, LruPlace place);
    /// An element of these lists, unmarked from then on.
    void move(uint32_t element, LruPlace place, uint32_t now);
    void remove(uint32_t element);
    /// The first unused one, which then is in no list; or kNoElement.
    uint32_t pop_free();
    bool has_free() const { return !nodes_.is_empty(head_of(LruPlace::Free)); }

    /// What was taken since the last time becomes active where it was used, inactive else.
    void flush_pending(uint32_t now);
    /// Ages: marked elements become or stay active, unmarked active ones inactive, as needed.
    void rotate(uint32_t now);
    /// Evicts up to `wanted` unmarked elements that are `age_min` old; they are free then. Their
    /// number.
    uint32_t shrink(uint32_t wanted, uint32_t age_min, LruEvictor& evictor, uint32_t now);
    /// Evicts the oldest one, even if it is marked. Whether there was one.
    bool shrink_by_force(LruEvictor& evictor, uint32_t now);
    /// Takes over those of the `count` oldest elements that are unmarked and older than its own;
    /// their number.
    uint32_t take_oldest(LruLists& from, uint32_t count, uint32_t now);
    /// Takes over up to `count` free elements; their number.
    uint32_t take_free(LruLists& from, uint32_t count);
    /// The one that is next to go, or kNoElement.
    uint32_t oldest(uint32_t now);

private:
    class Foresight;

    uint32_t head_of(LruPlace place) const { return first_head_ + static_cast<uint32_t>(place); }
    uint32_t last(LruPlace place) const { return nodes_[head_of(place)].previous; }
    uint32_t& count_of(LruPlace place) { return counts_[static_cast<uint8_t>(place)]; }
    void link(uint32_t element, uint32_t anchor, LruPlace place);
    void rotate_active(uint32_t now);
    void rotate_inactive(uint32_t now);

    const LruNodes& nodes_;
    uint32_t first_head_;
    uint16_t shard_;
    uint32_t scans_;
    uint32_t rotate_next_;          ///< where rotating the inactive list goes on
    uint32_t counts_[kHeads] = {};  ///< by place
};

}  // namespace weir::maps
