#pragma once
// Which element of a full LRU map goes: the kernel's choice, step for step
// (kernel/bpf/bpf_lru_list.c of Linux 6.18), so that programs that rely on it see the same keys
// survive.
//
// Exact LRU order would write a shared list at every look-up. Instead a look-up only sets a mark on
// the element, and lists are put in order when an element is needed: marked ones move to the active
// list (a second chance), unmarked ones of the inactive list's end leave, a batch at a time. Each
// cpu takes a batch into a list of its own, so that most inserts touch nothing shared. With
// BPF_F_NO_COMMON_LRU every cpu has a share of the elements and lists of its own.
//
// Lists are circular and doubly linked by index; their heads are nodes behind those of the
// elements.

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "maps/free_list.h"
#include "maps/memory.h"
#include "vm/base/result.h"

namespace weir::maps {

/// Takes an element out of sight; false if no key leads to it (then it stays where it is).
class LruEvictor {
public:
    virtual bool evict(uint32_t element) = 0;

protected:
    ~LruEvictor() = default;
};

/// One thread at a time, except for mark().
class LruLists {
public:
    static Result<LruLists> create(uint32_t elements, uint32_t cpus, bool common,
                                   MapMemory& memory);

    /// An element for `cpu`, evicting others where none is free; kNoElement if none can go.
    uint32_t take(uint32_t cpu, LruEvictor& evictor);
    void give_back(uint32_t element);
    /// "In use": any thread, any time.
    void mark(uint32_t element) {
        std::atomic<uint8_t>& marked = node(element).marked;
        if (marked.load(std::memory_order_relaxed) == 0) marked.store(1, std::memory_order_relaxed);
    }
    uint32_t cpus() const { return cpus_; }
    uint64_t memory_bytes() const { return nodes_.bytes(); }

private:
    enum class Place : uint8_t { Active, Inactive, Free, LocalFree, LocalPending };
    static constexpr uint32_t kLocalTargetMax = 128;  ///< LOCAL_FREE_TARGET
    static constexpr uint32_t kCommonScans = 128;     ///< LOCAL_NR_SCANS
    static constexpr uint32_t kPercpuTarget = 4;      ///< PERCPU_FREE_TARGET, PERCPU_NR_SCANS

    struct Node {
        uint32_t previous;
        uint32_t next;
        uint16_t cpu;
        Place place;
        std::atomic<uint8_t> marked;
    };
    struct Lists {
        uint32_t active, inactive, free;  ///< heads
        uint32_t counts[2] = {0, 0};      ///< of active and inactive
        uint32_t rotate_next;             ///< where rotating the inactive list goes on
    };
    struct Local {
        uint32_t free, pending;  ///< heads
        uint32_t steal_next;
    };

    LruLists(uint32_t elements, uint32_t cpus, bool common, Region nodes);
    void populate();

    Node& node(uint32_t index) const { return reinterpret_cast<Node*>(nodes_.data())[index]; }
    bool is_empty(uint32_t head) const { return node(head).next == head; }
    bool is_marked(uint32_t element) const {
        return node(element).marked.load(std::memory_order_relaxed) != 0;
    }
    void unmark(uint32_t element) { node(element).marked.store(0, std::memory_order_relaxed); }
    uint32_t new_head();
    void unlink(uint32_t element);
    void put_first(uint32_t element, uint32_t head, Place place);

    uint32_t head_of(const Lists& lists, Place place) const;
    void count(Lists& lists, Place place, uint32_t step);
    void move(Lists& lists, uint32_t element, Place to);
    void move_to_local_free(Lists& lists, uint32_t element, uint32_t head, Place to);
    void rotate(Lists& lists);
    void rotate_active(Lists& lists);
    void rotate_inactive(Lists& lists);
    uint32_t shrink_inactive(Lists& lists, uint32_t wanted, uint32_t to_head, Place to,
                             LruEvictor& evictor);
    void shrink(Lists& lists, uint32_t wanted, uint32_t to_head, Place to, LruEvictor& evictor);

    uint32_t take_common(uint32_t cpu, LruEvictor& evictor);
    uint32_t take_percpu(uint32_t cpu, LruEvictor& evictor);
    void refill(Local& local, LruEvictor& evictor);
    void flush_pending(Local& local);
    uint32_t pop_local_free(Local& local);
    uint32_t pop_pending(Local& local, LruEvictor& evictor);
    uint32_t steal(Local& thief, LruEvictor& evictor);
    void add_pending(uint32_t cpu, uint32_t element);

    uint32_t elements_;
    uint32_t cpus_;
    bool common_;
    uint32_t scans_;
    uint32_t target_;
    uint32_t heads_ = 0;
    Region nodes_;
    std::vector<Lists> lists_;  ///< one, or one per cpu
    std::vector<Local> locals_;
};

}  // namespace weir::maps
