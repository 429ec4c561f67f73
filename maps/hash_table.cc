#include "maps/hash_table.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>

#include <fmt/core.h>

#include "maps/hash_find.h"
#include "maps/spin_lock.h"
#include "maps/words.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"

namespace weir::maps {
namespace {

constexpr uint64_t kEntriesPerBucket = 4;

constexpr uint64_t buckets_for(uint32_t entries_max) {
    return (uint64_t{entries_max} + kEntriesPerBucket - 1) / kEntriesPerBucket;
}

/// Elements of up to 16 bytes, of up to 32 bytes and of up to 64 bytes lie within one cache line,
/// larger ones in as few as they can.
constexpr uint64_t element_stride(uint64_t bytes) {
    constexpr uint64_t kSmall = 16, kUnit = 32;
    return bytes <= kSmall ? kSmall : round_up_to(bytes, kUnit);
}

}  // namespace

Result<std::unique_ptr<HashTable>> HashTable::create(const HashTableShape& shape,
                                                     const std::string& map_name) {
    MapMemory memory(map_name);
    return create(shape, memory);
}

Result<std::unique_ptr<HashTable>> HashTable::create(const HashTableShape& shape,
                                                     MapMemory& memory) {
    const uint64_t elements = uint64_t{shape.entries_max} + shape.spare_elements;
    if (elements >= kNoElement) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: max_entries {} exceeds {}", memory.map_name(),
                                shape.entries_max, kNoElement - 1 - shape.spare_elements));
    }
    const uint64_t stride = element_stride(kHeaderBytes + round_up_to(shape.key_bytes, kWordBytes) +
                                           shape.payload_bytes);
    // At once, before the larger part is faulted in.
    const uint64_t bytes = elements * stride + buckets_for(shape.entries_max) * sizeof(Bucket);
    if (const Result<void> ok = check_memory(bytes, memory.map_name()); !ok)
        return std::unexpected(ok.error());
    Result<Region> elements_memory = memory.take(elements * stride);
    if (!elements_memory) return std::unexpected(elements_memory.error());
    Result<Region> buckets_memory = memory.take(buckets_for(shape.entries_max) * sizeof(Bucket));
    if (!buckets_memory) return std::unexpected(buckets_memory.error());
    return std::unique_ptr<HashTable>(
        new HashTable(shape, memory, std::move(*buckets_memory), std::move(*elements_memory)));
}

HashTable::HashTable(const HashTableShape& shape, const MapMemory& memory, Region buckets,
                     Region elements)
    : key_bytes_(shape.key_bytes),
      key_stride_(static_cast<uint32_t>(round_up_to(shape.key_bytes, kWordBytes))),
      element_stride_(element_stride(kHeaderBytes + uint64_t{key_stride_} + shape.payload_bytes)),
      element_count_(shape.entries_max + shape.spare_elements),
      bucket_count_(buckets_for(shape.entries_max)),
      hash_(shape.zero_seed ? KeyHash::make(true) : KeyHash::of(memory.secrets())),
      buckets_memory_(std::move(buckets)),
      elements_memory_(std::move(elements)),
      free_({elements_memory_.data(), element_stride_}, 0, memory.is_dead() ? 0 : shape.entries_max,
            shape.threads),
      claims_(shape.claims) {
    static_assert(sizeof(Bucket) == 64, "one cache line");
    if (memory.is_dead()) return;
    for (uint64_t b = 0; b < bucket_count_; ++b) new (&bucket_at(b)) Bucket;
}

// -- readers
// ------------------------------------------------------------------------------------------

HashTable::Hit HashTable::find(const uint8_t* key) const {
    return with_key_bytes(key_bytes_,
                          [&]<uint32_t kKeyBytes>() { return find_sized<kKeyBytes>(key); });
}

void HashTable::find_bulk(const uint8_t* const* keys, uint32_t count, uint32_t* elements) const {
    WEIR_CHECK(count <= kBurstPacketsMax);
    with_key_bytes(key_bytes_, [&]<uint32_t kKeyBytes>() {
        find_bulk_sized<kKeyBytes>(keys, count, elements);
    });
}

vm::HashLayout HashTable::layout() const {
    vm::HashLayout layout;
    layout.key_bytes = key_bytes_;
    layout.secrets = hash_.secrets();
    layout.buckets = buckets_memory_.data();
    layout.bucket_count = bucket_count_;
    layout.bucket_stride = sizeof(Bucket);
    layout.version_offset = offsetof(Bucket, version);
    layout.tags_offset = offsetof(Bucket, tags);
    layout.elements_offset = offsetof(Bucket, elements);
    layout.chain_offset = offsetof(Bucket, chain);
    layout.no_element = kNoElement;
    layout.keys = elements_memory_.data() + kHeaderBytes;
    layout.key_stride = element_stride_;
    return layout;
}

/// The element behind `element` in the bucket's order, the first one for kNoElement. Counts as
/// `scan` does.
uint32_t HashTable::after(const Bucket& bucket, uint32_t element, uint32_t version) const {
    bool passed = element == kNoElement;
    for (uint32_t slot = 0; slot < Bucket::kSlots; ++slot) {
        if (bucket.tag(slot) == 0) continue;
        const uint32_t here = bucket.elements[slot].load(std::memory_order_acquire);
        if (passed) return here;
        passed = here == element;
    }
    uint32_t here = bucket.chain.load(std::memory_order_acquire);
    while (here != kNoElement && bucket.version.load(std::memory_order_relaxed) == version) {
        if (passed) return here;
        passed = here == element;
        here = link_of(here).load(std::memory_order_acquire);
    }
    return kNoElement;
}

bool HashTable::copy_first(const Bucket& bucket, uint8_t* next) const {
    for (;;) {
        const uint32_t version = bucket.version.load(std::memory_order_acquire);
        const uint32_t element = after(bucket, kNoElement, version);
        if (element != kNoElement) load_words(next, element_at(element) + kHeaderBytes, key_bytes_);
        if (bucket.version.load(std::memory_order_relaxed) == version) return element != kNoElement;
    }
}

int HashTable::next_key(const uint8_t* key, uint8_t* next) const {
    uint8_t copy[kMapKeyBytesMax];  // `next` may be the same memory as `key`
    uint64_t bucket = 0;
    while (key != nullptr) {
        const Hit hit = find(key);
        if (!hit) break;
        const uint32_t following = after(*hit.bucket, hit.element, hit.version);
        if (following != kNoElement)
            load_words(copy, element_at(following) + kHeaderBytes, key_bytes_);
        if (!hit.unchanged()) continue;
        if (following != kNoElement) {
            std::memcpy(next, copy, key_bytes_);
            return 0;
        }
        bucket = static_cast<uint64_t>(hit.bucket - &bucket_at(0)) + 1;
        break;
    }
    for (; bucket < bucket_count_; ++bucket) {
        if (copy_first(bucket_at(bucket), copy)) {
            std::memcpy(next, copy, key_bytes_);
            return 0;
        }
    }
    return -ENOENT;
}

uint64_t HashTable::used_bytes() const {
    return entries() * (element_stride_ + sizeof(Bucket) / kEntriesPerBucket);
}

uint32_t HashTable::element_of(const uint8_t* payload) const {
    const uint8_t* first = this->payload(0);
    if (payload < first || payload >= elements_memory_.data() + elements_memory_.bytes())
        return kNoElement;
    const auto offset = static_cast<uint64_t>(payload - first);
    return offset % element_stride_ == 0 && offset / element_stride_ < element_count_
               ? static_cast<uint32_t>(offset / element_stride_)
               : kNoElement;
}

void HashTable::read_key(uint32_t element, uint8_t* key) const {
    load_words(key, element_at(element) + kHeaderBytes, key_bytes_);
}

/// Those of one moment.
std::span<uint32_t> HashTable::elements_in(uint64_t index, uint64_t skipped,
                                           std::span<uint32_t> buffer) const {
    const Bucket& bucket = bucket_at(index);
    for (;;) {
        const uint32_t version = bucket.version.load(std::memory_order_acquire);
        size_t count = 0;
        uint64_t passed = 0;
        const auto take = [&](uint32_t element) {
            if (passed++ >= skipped) buffer[count++] = element;
        };
        for (uint32_t slot = 0; slot < Bucket::kSlots; ++slot)
            if (bucket.tag(slot) != 0) take(bucket.elements[slot].load(std::memory_order_acquire));
        uint32_t element = bucket.chain.load(std::memory_order_acquire);
        while (element != kNoElement && count < buffer.size() &&
               bucket.version.load(std::memory_order_relaxed) == version) {
            take(element);
            element = link_of(element).load(std::memory_order_acquire);
        }
        if (bucket.version.load(std::memory_order_relaxed) == version) return buffer.first(count);
    }
}

// -- what a process before left behind
// ------------------------------------------------------------------------------------------

/// `tag` 0: in a chain, which has none.
bool HashTable::is_whole(uint32_t element, uint64_t bucket, uint16_t tag,
                         std::vector<bool>& seen) const {
    if (element >= element_count_ || seen[element]) return false;
    seen[element] = true;
    uint8_t key[kMapKeyBytesMax];
    read_key(element, key);
    const uint64_t hash = hash_(key, key_bytes_);
    return bucket_index(hash) == bucket && (tag == 0 || tag == Bucket::tag_of(hash));
}

/// Adds to `whole`; the number of those that are not.
uint64_t HashTable::dead_elements_in(uint64_t index, std::vector<bool>& seen,
                                     std::vector<uint32_t>& whole) const {
    const Bucket& bucket = bucket_at(index);
    uint64_t torn = 0;
    const auto take = [&](uint32_t element, uint16_t tag) {
        const bool is_good = is_whole(element, index, tag, seen);
        if (is_good) whole.push_back(element);
        torn += is_good ? 0 : 1;
        return is_good;
    };
    for (uint32_t slot = 0; slot < Bucket::kSlots; ++slot)
        if (const uint16_t tag = bucket.tag(slot); tag != 0)
            take(bucket.elements[slot].load(std::memory_order_relaxed), tag);
    // What comes behind a broken link is lost; a circle ends where it meets what was seen.
    uint32_t element = bucket.chain.load(std::memory_order_relaxed);
    while (element != kNoElement && take(element, 0))
        element = link_of(element).load(std::memory_order_relaxed);
    return torn;
}

// -- writers
// ------------------------------------------------------------------------------------------

void HashTable::write_key(uint32_t element, const uint8_t* key) {
    store_words(element_at(element) + kHeaderBytes, key, key_bytes_);
}

bool HashTable::try_remove(uint32_t element, Side side) {
    // If it is written meanwhile, these bytes may be no key at all, and lead to a bucket without
    // the element.
    uint8_t key[kMapKeyBytesMax];
    read_key(element, key);
    Guard guard(*this, key, element, side);
    if (guard.element() == kNoElement) return false;
    guard.unlink();
    return true;
}

void HashTable::prefetch_bucket_of(uint32_t element) const {
    uint8_t key[kMapKeyBytesMax];
    read_key(element, key);
    prefetch_bucket(key);
}

void HashTable::prefetch_bucket(const uint8_t* key) const {
    prefetch_to_write(&bucket_at(bucket_index(hash_(key, key_bytes_))));
}

/// Waits for those that were announced before the lock was taken.
bool HashTable::claims_end(const Bucket& bucket, Side side) const {
    for (const ClaimCell& cell : claims_) {
        for (uint32_t spins = 0; cell.bucket.load(std::memory_order_seq_cst) == &bucket; ++spins)
            if (!wait_a_moment(side, spins)) return false;
    }
    return true;
}

HashTable::Claim::Claim(HashTable& table, const Hit& hit, uint32_t cpu)
    : cell_(table.claims_[cpu].bucket) {
    cell_.store(hit.bucket, std::memory_order_seq_cst);
    held_ = !hit.bucket->lock.is_held() && hit.unchanged();
}

/// Release: the writer that sees it gone sees what was written under it.
HashTable::Claim::~Claim() {
    cell_.store(nullptr, std::memory_order_release);
}

HashTable::Guard::Guard(HashTable& table, const uint8_t* key, Side side)
    : table_(table), hash_(table.hash_(key, table.key_bytes_)) {
    Bucket& bucket = table.bucket_at(table.bucket_index(hash_));
    if (!bucket.lock.acquire(side)) return;
    if (!table.claims_end(bucket, side)) {
        bucket.lock.release();
        return;
    }
    bucket_ = &bucket;
    locate(key);
}

HashTable::Guard::Guard(HashTable& table, const uint8_t* key, uint32_t element, Side side)
    : table_(table), hash_(table.hash_(key, table.key_bytes_)) {
    Bucket& bucket = table.bucket_at(table.bucket_index(hash_));
    if (!bucket.lock.try_acquire(side, 1)) return;
    bucket_ = &bucket;
    locate(element);
}

HashTable::Guard::~Guard() {
    if (bucket_ != nullptr) bucket_->lock.release();
}

void HashTable::Guard::locate(const uint8_t* key) {
    SlotSet slots = bucket_->slots_with(Bucket::tag_of(hash_));
    for (; !slots.empty(); slots = slots.without_first()) {
        const uint32_t slot = slots.first();
        const uint32_t element = bucket_->elements[slot].load(std::memory_order_relaxed);
        if (!table_.key_equals<0>(element, key)) continue;
        element_ = element;
        slot_ = static_cast<int>(slot);
        return;
    }
    uint32_t element = bucket_->chain.load(std::memory_order_relaxed);
    while (element != kNoElement && !table_.key_equals<0>(element, key)) {
        predecessor_ = element;
        element = table_.link_of(element).load(std::memory_order_relaxed);
    }
    element_ = element;
}

void HashTable::Guard::locate(uint32_t wanted) {
    for (uint32_t slot = 0; slot < Bucket::kSlots; ++slot) {
        if (bucket_->elements[slot].load(std::memory_order_relaxed) != wanted ||
            bucket_->tag(slot) == 0) {
            continue;
        }
        element_ = wanted;
        slot_ = static_cast<int>(slot);
        return;
    }
    uint32_t element = bucket_->chain.load(std::memory_order_relaxed);
    while (element != kNoElement && element != wanted) {
        predecessor_ = element;
        element = table_.link_of(element).load(std::memory_order_relaxed);
    }
    element_ = element;
}

void HashTable::Guard::insert(uint32_t fresh) {
    WEIR_CHECK(locked() && element_ == kNoElement);
    table_.entries_.add(1);
    for (uint32_t slot = 0; slot < Bucket::kSlots; ++slot) {
        if (bucket_->tag(slot) != 0) continue;
        bucket_->elements[slot].store(fresh, std::memory_order_release);
        bucket_->set_tag(slot, Bucket::tag_of(hash_));
        return;
    }
    table_.link_of(fresh).store(bucket_->chain.load(std::memory_order_relaxed),
                                std::memory_order_release);
    bucket_->chain.store(fresh, std::memory_order_release);
}

void HashTable::Guard::replace(uint32_t fresh) {
    WEIR_CHECK(locked() && element_ != kNoElement);
    if (slot_ >= 0) {
        bucket_->elements[slot_].store(fresh, std::memory_order_release);
    } else {
        table_.link_of(fresh).store(table_.link_of(element_).load(std::memory_order_relaxed),
                                    std::memory_order_release);
        auto& link = predecessor_ == kNoElement ? bucket_->chain : table_.link_of(predecessor_);
        link.store(fresh, std::memory_order_release);
    }
    bucket_->raise_version();
}

void HashTable::Guard::unlink() {
    WEIR_CHECK(locked() && element_ != kNoElement);
    if (slot_ >= 0) {
        bucket_->set_tag(static_cast<uint32_t>(slot_), 0);
    } else {
        auto& link = predecessor_ == kNoElement ? bucket_->chain : table_.link_of(predecessor_);
        link.store(table_.link_of(element_).load(std::memory_order_relaxed),
                   std::memory_order_release);
    }
    bucket_->raise_version();
}

}  // namespace weir::maps
