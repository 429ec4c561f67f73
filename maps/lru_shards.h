#pragma once
// The elements of an LRU map, a shard for each cpu, so that workers do not wait for each other.
//
// A cpu takes elements in batches, from those that nobody uses, else from the end of its own lists;
// the batch and what it took meanwhile are in its shard, under the shard's own lock. With one cpu
// at work this is the kernel's algorithm and the kernel's order (lru_lists.h). The kernel keeps one
// list of all elements; here every cpu has one. What keeps them near one order is a clock that
// counts elements taken: each remembers when that was, and a shard shows the time of its oldest. A
// cpu evicts its own elements while they are nearly as old (three quarters) as the oldest of all,
// then takes over some of those. So what an idle worker left behind goes first, and one worker can
// use the whole map; a batch that a worker took and does not use goes to the others after a while.
// With BPF_F_NO_COMMON_LRU every cpu keeps its share of the elements.
//
// Nobody waits for room. Where a shard's lock is not to be had (a control thread may have lost its
// core with it), the own one or that of the oldest elements, an element is sought among some drawn
// at random, the oldest first, and used again where it is linked. Where even that finds none, all
// are in the hands of others that are about to insert them (a map smaller than the number of
// threads): a spare element is lent, and whoever inserts next evicts one more for it.
//
// Locks: a thread holds one shard's lock and tries another's; for a bucket's it does not wait.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "maps/free_list.h"
#include "maps/lru_lists.h"
#include "maps/lru_nodes.h"
#include "maps/spin_lock.h"
#include "vm/base/result.h"

namespace weir::maps {

struct LruShape {
    uint32_t elements;
    uint32_t spares;  ///< beyond, indices elements ..: one for each thread that may insert
    uint32_t cpus;
    bool common;  ///< not BPF_F_NO_COMMON_LRU
};

/// Threads: any, at any time.
class LruShards {
public:
    static Result<std::unique_ptr<LruShards>> create(const LruShape& shape, MapMemory& memory);

    /// An element for `cpu`, evicting others where none is free. kNoElement only where none can be
    /// evicted and no spare is left.
    uint32_t take(uint32_t cpu, LruEvictor& evictor);
    /// An element that no key leads to any more, or that was taken and not used.
    void give_back(uint32_t element);
    /// True while more elements are in use than the map's: somebody should `repay`.
    bool has_loans() const { return loans_.load(std::memory_order_relaxed) != 0; }
    /// Evicts an element for each that was lent, as far as locks allow.
    void repay(uint32_t cpu, LruEvictor& evictor);
    void mark(uint32_t element) { nodes_.mark(element); }
    void prefetch_mark(uint32_t element) const { nodes_.prefetch_mark(element); }
    /// A byte for each element: what `mark` sets to 1.
    uint8_t* marks() const { return nodes_.marks(); }

    uint32_t cpus() const { return static_cast<uint32_t>(shards_.size()); }
    uint64_t memory_bytes() const { return nodes_.memory_bytes(); }
    static constexpr uint64_t kElementBytes = sizeof(LruNodes::Node) + 1;

private:
    static constexpr uint32_t kBatchMax = 128;     ///< LOCAL_FREE_TARGET
    static constexpr uint32_t kCommonScans = 128;  ///< LOCAL_NR_SCANS
    static constexpr uint32_t kPercpuBatch = 4;    ///< PERCPU_FREE_TARGET, PERCPU_NR_SCANS
    static constexpr uint64_t kNothing = UINT64_MAX;

    struct alignas(64) Shard {
        SpinLock lock;
        std::atomic<uint32_t> inbox{kNoElement};  ///< elements to become pending, linked by `next`
        // What others see without the lock: times of the clock, or kNothing.
        std::atomic<uint64_t> oldest{kNothing};  ///< of the one that would go next
        std::atomic<uint64_t> batch{kNothing};   ///< of the batch that may be left
        LruLists lists;

        explicit Shard(const LruLists& empty) : lists(empty) {}
    };

    LruShards(const LruShape& shape, LruNodes nodes);
    void share_out();

    uint32_t now() const {
        return static_cast<uint32_t>(clock_.load(std::memory_order_relaxed) >> clock_shift_);
    }
    /// While each cpu takes a batch.
    uint32_t steps_per_round() const { return (cpus() * batch_ >> clock_shift_) + 1; }
    static uint32_t age_of(uint64_t time, uint32_t now) {
        return LruNodes::elapsed(static_cast<uint32_t>(time), now);
    }
    void publish(Shard& shard) const;
    void collect_inbox(Shard& shard) const;
    void post(uint32_t cpu, uint32_t element);

    uint32_t take_from(Shard& own, LruEvictor& evictor);
    void refill(Shard& own, bool force, LruEvictor& evictor);
    uint32_t take_unused(Shard& own, uint32_t wanted);
    uint32_t take_batches(Shard& own, uint32_t wanted, uint32_t idle_steps, uint32_t now);
    Shard* oldest_other(const Shard& own, uint32_t now, uint32_t& age) const;
    uint32_t evict_oldest(Shard& own, uint32_t wanted, LruEvictor& evictor, uint32_t now);
    uint32_t take_over(Shard& own, Shard& from, uint32_t count, uint32_t now);
    uint32_t take_anywhere(uint32_t cpu, LruEvictor& evictor);
    uint32_t seek(uint32_t cpu, LruEvictor& evictor);
    void renew(uint32_t element);
    bool belongs_to(uint32_t element, uint32_t cpu) const;
    void put_away(Shard& shard, uint32_t element);
    bool repay_one(Shard& own, LruEvictor& evictor);
    bool return_loan();

    uint32_t elements_;
    bool common_;
    uint32_t batch_;
    uint32_t clock_shift_;  ///< ages count steps of so many bits, to fit
    LruNodes nodes_;
    FreeList unused_;
    FreeList spares_;
    std::vector<std::unique_ptr<Shard>> shards_;
    alignas(64) std::atomic<uint64_t> clock_{0};  ///< elements that were taken
    alignas(64) std::atomic<uint32_t> loans_{0};  ///< spares that are in use
};

}  // namespace weir::maps
