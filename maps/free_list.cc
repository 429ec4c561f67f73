#include "maps/free_list.h"

#include <algorithm>

namespace weir::maps {
namespace {

std::atomic<uint32_t> next_thread_number{0};

constexpr uint64_t head_of(uint64_t old_head, uint32_t element) {
    return (((old_head >> 32) + 1) << 32) | element;
}

}  // namespace

uint32_t thread_number() {
    thread_local const uint32_t number = next_thread_number.fetch_add(1, std::memory_order_relaxed);
    return number;
}

FreeList::FreeList(FreeLinks links, uint32_t first, uint32_t count, uint32_t threads)
    : links_(links), shards_(std::clamp(threads, 1u, kShardsMax)) {
    const auto shards = static_cast<uint32_t>(shards_.size());
    uint64_t begin = 0;
    for (uint32_t s = 0; s < shards; ++s) {
        const uint64_t end = uint64_t{count} * (s + 1) / shards;
        // From the back, so that elements come out in the order of addresses.
        for (uint64_t i = end; i > begin; --i)
            push(shards_[s], static_cast<uint32_t>(first + i - 1));
        begin = end;
    }
}

uint32_t FreeList::take() {
    const uint32_t own = own_shard();
    uint32_t element = pop(shards_[own]);
    if (element != kNoElement) return element;
    const auto shards = static_cast<uint32_t>(shards_.size());
    const uint32_t start = shards_[own].victim.load(std::memory_order_relaxed);
    for (uint32_t step = 0; step < shards; ++step) {
        const uint32_t victim = (start + step) % shards;
        element = pop(shards_[victim]);
        if (element == kNoElement) continue;
        if (step != 0) shards_[own].victim.store(victim, std::memory_order_relaxed);
        return element;
    }
    return kNoElement;
}

void FreeList::give_back(uint32_t element) {
    push(shards_[own_shard()], element);
}

uint32_t FreeList::pop(Shard& shard) {
    uint64_t head = shard.head.load(std::memory_order_acquire);
    for (;;) {
        const auto element = static_cast<uint32_t>(head);
        if (element == kNoElement) return kNoElement;
        // Another thread may take and reuse the element meanwhile; then this link is wrong and the
        // exchange fails.
        const uint32_t next = links_.at(element).load(std::memory_order_relaxed);
        if (shard.head.compare_exchange_weak(head, head_of(head, next), std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {
            return element;
        }
    }
}

void FreeList::push(Shard& shard, uint32_t element) {
    uint64_t head = shard.head.load(std::memory_order_relaxed);
    do {
        // Release: a reader that follows this link instead of a bucket's chain must see the
        // bucket's raised version.
        links_.at(element).store(static_cast<uint32_t>(head), std::memory_order_release);
    } while (!shard.head.compare_exchange_weak(
        head, head_of(head, element), std::memory_order_acq_rel, std::memory_order_relaxed));
}

}  // namespace weir::maps
