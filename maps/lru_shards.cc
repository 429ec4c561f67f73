#include "maps/lru_shards.h"

#include <algorithm>
#include <array>
#include <bit>

namespace weir::maps {
namespace {

/// Looks at the lock of a shard before going another way: some microseconds.
constexpr uint32_t kLockLooks = 128;
/// The same where it is another's, whose elements would only be better ones.
constexpr uint32_t kOtherLockLooks = 4;
/// Elements that are taken over under one holding of another shard's lock, and how often that is
/// done for one batch.
constexpr uint32_t kTakeOverMax = 32;
constexpr uint32_t kRoundsMax = 8;
/// Elements that are looked at where the lists cannot be had.
constexpr uint32_t kSeekLooks = 128;
/// Steps of the clock while all elements change once, about.
constexpr uint32_t kStepsPerTurn = 4096;

/// Numbers below `count`, each once where there are at most kSeekLooks, from a random start.
class RandomWalk {
public:
    explicit RandomWalk(uint32_t count)
        : count_(count), step_(count <= kSeekLooks ? 1 : kStride % count), at_(random() % count) {}
    uint32_t next() {
        at_ = static_cast<uint32_t>((uint64_t{at_} + step_) % count_);
        return at_;
    }

private:
    static constexpr uint32_t kStride = 2654435761;  ///< the golden ratio's, so that steps spread

    /// xorshift (Marsaglia 2003).
    static uint32_t random() {
        thread_local uint32_t state = kStride ^ (thread_number() + 1);
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return state;
    }

    uint32_t count_;
    uint32_t step_;
    uint32_t at_;
};

}  // namespace

Result<std::unique_ptr<LruShards>> LruShards::create(const LruShape& shape, MapMemory& memory) {
    Result<LruNodes> nodes =
        LruNodes::take(shape.elements + shape.spares, LruLists::kHeads * shape.cpus, memory);
    if (!nodes) return std::unexpected(nodes.error());
    return std::unique_ptr<LruShards>(new LruShards(shape, std::move(*nodes)));
}

LruShards::LruShards(const LruShape& shape, LruNodes nodes)
    : elements_(shape.elements),
      common_(shape.common),
      batch_(common_ ? std::clamp(shape.elements / shape.cpus / 2, 1u, kBatchMax) : kPercpuBatch),
      clock_shift_(static_cast<uint32_t>(
          std::bit_width(std::max(shape.elements, kStepsPerTurn) / kStepsPerTurn) - 1)),
      nodes_(std::move(nodes)),
      unused_(nodes_.links(), 0, common_ ? shape.elements : 0, shape.cpus),
      spares_(nodes_.links(), shape.elements, shape.spares, 1) {
    for (uint32_t cpu = 0; cpu < shape.cpus; ++cpu) {
        const uint32_t first_head = nodes_.heads() + cpu * LruLists::kHeads;
        shards_.push_back(
            std::make_unique<Shard>(LruLists(nodes_, first_head, static_cast<uint16_t>(cpu),
                                             common_ ? kCommonScans : kPercpuBatch)));
    }
    if (!common_) share_out();
}

void LruShards::share_out() {
    const uint32_t share = elements_ / cpus();
    for (uint32_t element = 0; element < elements_; ++element)
        shards_[std::min(element / share, cpus() - 1)]->lists.add(element, LruPlace::Free);
}

// -- what others see of a shard

void LruShards::publish(Shard& shard) const {
    const uint32_t oldest = shard.lists.oldest(now());
    shard.oldest.store(
        oldest == kNoElement ? kNothing : nodes_[oldest].age.load(std::memory_order_relaxed),
        std::memory_order_relaxed);
}

/// An element that the caller has and could not link.
void LruShards::post(uint32_t cpu, uint32_t element) {
    std::atomic<uint32_t>& inbox = shards_[cpu]->inbox;
    LruNodes::Node& node = nodes_[element];
    node.place = LruPlace::Inbox;
    node.shard.store(static_cast<uint16_t>(cpu), std::memory_order_release);
    nodes_.stamp(element, now());
    uint32_t first = inbox.load(std::memory_order_relaxed);
    do {
        node.next.store(first, std::memory_order_relaxed);
    } while (!inbox.compare_exchange_weak(first, element, std::memory_order_release,
                                          std::memory_order_relaxed));
}

/// Under the shard's lock, first of all.
void LruShards::collect_inbox(Shard& shard) const {
    if (shard.inbox.load(std::memory_order_relaxed) == kNoElement) return;
    uint32_t element = shard.inbox.exchange(kNoElement, std::memory_order_acquire);
    while (element != kNoElement) {
        const uint32_t next = nodes_.next(element);
        shard.lists.add(element, common_ ? LruPlace::Pending : LruPlace::Inactive);
        element = next;
    }
}

// -- taking

uint32_t LruShards::take(uint32_t cpu, LruEvictor& evictor) {
    Shard& own = *shards_[cpu];
    uint32_t element = kNoElement;
    if (own.lock.try_acquire(Side::Program, kLockLooks)) {
        element = take_from(own, evictor);
        own.lock.release();
    }
    return element != kNoElement ? element : take_anywhere(cpu, evictor);
}

uint32_t LruShards::take_from(Shard& own, LruEvictor& evictor) {
    collect_inbox(own);
    if (!common_) own.lists.rotate(now());
    if (!own.lists.has_free()) refill(own, false, evictor);
    const uint32_t element = own.lists.pop_free();
    if (element == kNoElement) return kNoElement;
    nodes_.stamp(element, now());
    own.lists.add(element, common_ ? LruPlace::Pending : LruPlace::Inactive);
    if (own.oldest.load(std::memory_order_relaxed) == kNothing) publish(own);
    return element;
}

/// A batch of free elements, as far as there are any. `force`: even if they are not old.
void LruShards::refill(Shard& own, bool force, LruEvictor& evictor) {
    const uint32_t now = this->now();
    own.lists.flush_pending(now);
    if (common_) own.lists.rotate(now);
    uint32_t taken = take_unused(own, batch_);
    if (taken < batch_) taken += take_batches(own, batch_ - taken, 4 * steps_per_round(), now);
    if (taken < batch_) taken += evict_oldest(own, batch_ - taken, evictor, now);
    if (taken == 0) taken = take_batches(own, batch_, 0, now);
    if (taken == 0 && force) own.lists.shrink_by_force(evictor, now);
    own.batch.store(now, std::memory_order_relaxed);
    publish(own);
}

/// Of those that nobody uses.
uint32_t LruShards::take_unused(Shard& own, uint32_t wanted) {
    uint32_t taken = 0;
    for (; taken < wanted; ++taken) {
        const uint32_t element = unused_.take();
        if (element == kNoElement) break;
        own.lists.add(element, LruPlace::Free);
    }
    clock_.fetch_add(taken, std::memory_order_relaxed);
    return taken;
}

/// Batches of others that lie about since `idle_steps`. A worker that is at work begins a new one
/// about as often as the others.
uint32_t LruShards::take_batches(Shard& own, uint32_t wanted, uint32_t idle_steps, uint32_t now) {
    uint32_t taken = 0;
    for (const std::unique_ptr<Shard>& other : shards_) {
        if (taken == wanted || !common_) break;
        const uint64_t begun = other->batch.load(std::memory_order_relaxed);
        if (other.get() == &own || begun == kNothing || age_of(begun, now) < idle_steps ||
            !other->lock.try_acquire(Side::Program, kOtherLockLooks)) {
            continue;
        }
        taken += own.lists.take_free(other->lists, wanted - taken);
        if (!other->lists.has_free()) other->batch.store(kNothing, std::memory_order_relaxed);
        other->lock.release();
    }
    return taken;
}

/// Of all but `own`; nullptr where no other has any.
LruShards::Shard* LruShards::oldest_other(const Shard& own, uint32_t now, uint32_t& age) const {
    Shard* oldest = nullptr;
    age = 0;
    for (const std::unique_ptr<Shard>& other : shards_) {
        const uint64_t time = other->oldest.load(std::memory_order_relaxed);
        if (other.get() == &own || time == kNothing) continue;
        if (oldest != nullptr && age_of(time, now) <= age) continue;
        oldest = other.get();
        age = age_of(time, now);
    }
    return oldest;
}

/// Evicts its own elements as far as they are about as old as the oldest of the others, then takes
/// over some of those, and so on.
uint32_t LruShards::evict_oldest(Shard& own, uint32_t wanted, LruEvictor& evictor, uint32_t now) {
    uint32_t gone = 0;
    for (uint32_t round = 0; round < kRoundsMax; ++round) {
        uint32_t age = 0;
        Shard* const other = common_ ? oldest_other(own, now, age) : nullptr;
        // So much that workers which insert alike do not take from each other.
        const uint32_t margin = std::max(age / 4, std::min(age / 2, steps_per_round()));
        gone += own.lists.shrink(wanted - gone, age - margin, evictor, now);
        if (other == nullptr && gone == 0) gone = own.lists.shrink_by_force(evictor, now) ? 1 : 0;
        if (other == nullptr || gone == wanted) break;
        if (take_over(own, *other, std::min(wanted - gone, kTakeOverMax), now) == 0) break;
    }
    clock_.fetch_add(gone, std::memory_order_relaxed);
    return gone;
}

/// The number of elements that it got.
uint32_t LruShards::take_over(Shard& own, Shard& from, uint32_t count, uint32_t now) {
    if (!from.lock.try_acquire(Side::Program, kOtherLockLooks)) return 0;
    collect_inbox(from);
    from.lists.flush_pending(now);
    from.lists.rotate(now);
    const uint32_t taken = own.lists.take_oldest(from.lists, count, now);
    publish(from);
    from.lock.release();
    return taken;
}

// -- where the lists cannot be had

uint32_t LruShards::take_anywhere(uint32_t cpu, LruEvictor& evictor) {
    uint32_t element = common_ ? unused_.take() : kNoElement;
    if (element == kNoElement) {
        element = seek(cpu, evictor);
        if (element != kNoElement) {
            renew(element);
            return element;
        }
        element = spares_.take();
        if (element == kNoElement) return kNoElement;
        loans_.fetch_add(1, std::memory_order_relaxed);
    }
    post(cpu, element);
    return element;
}

bool LruShards::belongs_to(uint32_t element, uint32_t cpu) const {
    return common_ || nodes_[element].shard.load(std::memory_order_relaxed) == cpu;
}

/// Of some drawn at random the oldest that can go.
uint32_t LruShards::seek(uint32_t cpu, LruEvictor& evictor) {
    struct Candidate {
        uint32_t age;
        uint32_t element;
    };
    std::array<Candidate, kSeekLooks> candidates;
    uint32_t count = 0;
    const uint32_t now = this->now();
    RandomWalk walk(nodes_.elements());
    for (uint32_t looks = 0; looks < kSeekLooks; ++looks) {
        const uint32_t element = walk.next();
        if (!belongs_to(element, cpu)) continue;
        const uint32_t age = nodes_.age(element, now);
        candidates[count++] = {nodes_.is_marked(element) ? 0 : age, element};
    }
    std::sort(candidates.begin(), candidates.begin() + count,
              [](const Candidate& a, const Candidate& b) { return a.age > b.age; });
    for (uint32_t i = 0; i < count; ++i)
        if (nodes_.claim(candidates[i].element, evictor)) return candidates[i].element;
    return kNoElement;
}

/// An element that was found in its list, and is taken: it comes to the front, or where that list
/// cannot be had, a note says so.
void LruShards::renew(uint32_t element) {
    clock_.fetch_add(1, std::memory_order_relaxed);
    nodes_.stamp(element, now());
    const uint32_t index = nodes_[element].shard.load(std::memory_order_acquire);
    Shard& shard = *shards_[index];
    if (!shard.lock.try_acquire(Side::Program, 1)) return nodes_.renew(element);
    collect_inbox(shard);
    if (nodes_[element].shard.load(std::memory_order_relaxed) == index)
        shard.lists.move(element, common_ ? LruPlace::Pending : LruPlace::Inactive, now());
    shard.lock.release();
}

// -- giving back

void LruShards::give_back(uint32_t element) {
    // It may be taken over by another shard until the lock is had.
    for (uint32_t tries = 0; tries <= cpus(); ++tries) {
        const uint32_t index = nodes_[element].shard.load(std::memory_order_acquire);
        Shard& shard = *shards_[index];
        if (!shard.lock.try_acquire(Side::Program, kLockLooks)) break;
        const bool is_here = nodes_[element].shard.load(std::memory_order_relaxed) == index;
        if (is_here) put_away(shard, element);
        shard.lock.release();
        if (is_here) return;
    }
    nodes_.drop(element);
}

void LruShards::put_away(Shard& shard, uint32_t element) {
    collect_inbox(shard);
    const bool is_pending = nodes_[element].place == LruPlace::Pending;
    const bool was_lent = return_loan();
    if (was_lent || (common_ && !is_pending)) {
        shard.lists.remove(element);
        (was_lent ? spares_ : unused_).give_back(element);
        return;
    }
    shard.lists.move(element, LruPlace::Free, now());
    if (shard.batch.load(std::memory_order_relaxed) == kNothing)
        shard.batch.store(now(), std::memory_order_relaxed);
}

void LruShards::repay(uint32_t cpu, LruEvictor& evictor) {
    Shard& own = *shards_[cpu];
    bool goes_on = true;
    for (uint32_t i = 0; goes_on && i <= cpus() && has_loans(); ++i) {
        if (!own.lock.try_acquire(Side::Program, kLockLooks)) return;
        goes_on = repay_one(own, evictor);
        own.lock.release();
    }
}

bool LruShards::repay_one(Shard& own, LruEvictor& evictor) {
    collect_inbox(own);
    if (!own.lists.has_free()) refill(own, true, evictor);
    if (!own.lists.has_free() || !return_loan()) return false;
    spares_.give_back(own.lists.pop_free());
    return true;
}

/// Whether one was lent, which the caller now has to give back.
bool LruShards::return_loan() {
    uint32_t loans = loans_.load(std::memory_order_relaxed);
    while (loans != 0 &&
           !loans_.compare_exchange_weak(loans, loans - 1, std::memory_order_relaxed)) {
    }
    return loans != 0;
}

}  // namespace weir::maps
