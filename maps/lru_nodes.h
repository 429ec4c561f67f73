#pragma once
// What the lists of an LRU map know of each element: a node per element, and behind those the heads
// of the lists. Lists are circular and doubly linked by index; a head's `next` is the newest, its
// `previous` the oldest.

#include <atomic>
#include <cstdint>
#include <new>

#include "maps/free_list.h"
#include "maps/memory.h"
#include "maps/words.h"
#include "vm/base/result.h"

namespace weir::maps {

/// Takes an element out of sight; false if no key leads to it, or its bucket is held just now (then
/// it stays where it is). Does not wait.
class LruEvictor {
public:
    virtual bool evict(uint32_t element) = 0;
    /// `soon` may be evicted in some steps, `next` in fewer: time to fetch what that needs. Either
    /// may be kNoElement.
    virtual void expect(uint32_t soon, uint32_t next) = 0;

protected:
    ~LruEvictor() = default;
};

/// Where a node is linked.
enum class LruPlace : uint8_t {
    Active,    ///< used at least twice
    Inactive,  ///< leaves from its end
    Free,      ///< unused, of one cpu
    Pending,   ///< taken by a cpu since it last got a batch
    Inbox,     ///< will be pending when its cpu's lock is taken next
    Away       ///< nowhere: unused, of all cpus
};

/// What somebody has to say about an element whose list he cannot have.
enum class LruNote : uint8_t {
    None,
    Dropped,  ///< it was given back: free, but still in its list
    Renewed   ///< it was taken again: as old as its age says, not as its place
};

class LruNodes {
public:
    struct Node {
        uint32_t previous = 0;  ///< this, `place` and (but for free elements) `next` belong to
                                ///< whoever holds the lock of `shard`
        std::atomic<uint32_t> next{0};
        std::atomic<uint32_t> age{0};  ///< the map's clock when it was last put in front
        std::atomic<uint16_t> shard{0};
        LruPlace place = LruPlace::Away;
        std::atomic<LruNote> note{LruNote::None};
    };

    static Result<LruNodes> take(uint32_t elements, uint32_t heads, MapMemory& memory) {
        const uint64_t count = round_up_to(elements, kLineNodes) + heads;
        Result<Region> nodes = memory.take_scratch(count * sizeof(Node));
        if (!nodes) return std::unexpected(nodes.error());
        Result<Region> marks = memory.take_scratch(elements);
        if (!marks) return std::unexpected(marks.error());
        return LruNodes(elements, count, std::move(*nodes), std::move(*marks));
    }

    uint32_t elements() const { return elements_; }
    /// The first head: heads begin a cache line.
    uint32_t heads() const { return static_cast<uint32_t>(round_up_to(elements_, kLineNodes)); }
    Node& operator[](uint32_t index) const { return reinterpret_cast<Node*>(nodes_.data())[index]; }
    uint32_t next(uint32_t index) const {
        return (*this)[index].next.load(std::memory_order_relaxed);
    }
    /// For a FreeList.
    FreeLinks links() const { return {reinterpret_cast<uint8_t*>(&(*this)[0].next), sizeof(Node)}; }
    uint64_t memory_bytes() const { return nodes_.bytes() + marks_.bytes(); }

    /// Unused until now, and taken at `now`.
    void stamp(uint32_t element, uint32_t now) const {
        unmark(element);
        (*this)[element].age.store(now, std::memory_order_relaxed);
    }
    /// By the map's clock. It comes around after half a million times all elements; they go long
    /// before.
    uint32_t age(uint32_t element, uint32_t now) const {
        return elapsed((*this)[element].age.load(std::memory_order_relaxed), now);
    }
    static uint32_t elapsed(uint32_t time, uint32_t now) {
        const auto steps = static_cast<int32_t>(now - time);
        return steps > 0 ? static_cast<uint32_t>(steps) : 0;
    }
    /// "In use": any thread, any time.
    void mark(uint32_t element) const {
        std::atomic<uint8_t>& mark = mark_of(element);
        if (mark.load(std::memory_order_relaxed) == 0) mark.store(1, std::memory_order_relaxed);
    }
    void prefetch_mark(uint32_t element) const { __builtin_prefetch(&mark_of(element)); }
    uint8_t* marks() const { return marks_.data(); }
    void unmark(uint32_t element) const {
        std::atomic<uint8_t>& mark = mark_of(element);
        if (mark.load(std::memory_order_relaxed) != 0) mark.store(0, std::memory_order_relaxed);
    }
    bool is_marked(uint32_t element) const {
        return mark_of(element).load(std::memory_order_relaxed) != 0;
    }

    /// A free element; whoever comes across it may claim it.
    void drop(uint32_t element) const {
        unmark(element);
        (*this)[element].note.store(LruNote::Dropped, std::memory_order_release);
    }
    /// True: the element is the caller's, and still linked where it was.
    bool claim(uint32_t element, LruEvictor& evictor) const {
        return clear_note(element, LruNote::Dropped) || evictor.evict(element);
    }
    void renew(uint32_t element) const {
        (*this)[element].note.store(LruNote::Renewed, std::memory_order_relaxed);
    }
    bool has_note(uint32_t element, LruNote note) const {
        return (*this)[element].note.load(std::memory_order_relaxed) == note;
    }
    /// Whether it had that note.
    bool clear_note(uint32_t element, LruNote note) const {
        LruNote expected = note;
        return has_note(element, note) && (*this)[element].note.compare_exchange_strong(
                                              expected, LruNote::None, std::memory_order_acq_rel);
    }

    // -- lists: whoever holds the lock of the shard that has both
    bool is_empty(uint32_t head) const { return next(head) == head; }
    void unlink(uint32_t element) const {
        const Node& leaving = (*this)[element];
        const uint32_t following = next(element);
        (*this)[leaving.previous].next.store(following, std::memory_order_relaxed);
        (*this)[following].previous = leaving.previous;
    }
    /// On the older side of `anchor`: of a head, in front of its list.
    void put_behind(uint32_t anchor, uint32_t element) const {
        Node& entering = (*this)[element];
        const uint32_t following = next(anchor);
        entering.previous = anchor;
        entering.next.store(following, std::memory_order_relaxed);
        (*this)[following].previous = element;
        (*this)[anchor].next.store(element, std::memory_order_relaxed);
    }

private:
    static constexpr uint32_t kLineNodes = 4;

    LruNodes(uint32_t elements, uint64_t count, Region nodes, Region marks)
        : elements_(elements), nodes_(std::move(nodes)), marks_(std::move(marks)) {
        static_assert(sizeof(Node) * kLineNodes == 64);
        for (uint64_t index = 0; index < count; ++index) {
            Node* const fresh = new (&(*this)[static_cast<uint32_t>(index)]) Node;
            fresh->previous = static_cast<uint32_t>(index);
            fresh->next.store(static_cast<uint32_t>(index), std::memory_order_relaxed);
        }
    }
    std::atomic<uint8_t>& mark_of(uint32_t element) const {
        return reinterpret_cast<std::atomic<uint8_t>*>(marks_.data())[element];
    }

    uint32_t elements_;
    Region nodes_;
    Region marks_;  ///< apart: look-ups read them, and 64 fit in a line
};

}  // namespace weir::maps
