#include "maps/hash_table.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <new>

#include <fmt/core.h>

#include "maps/spin_lock.h"
#include "maps/words.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"

namespace weir::maps {
namespace {

constexpr uint64_t kEntriesPerBucket = 4;
constexpr uint32_t kTagsPerWord = 4;
constexpr uint64_t kEachTag = 0x0001000100010001;

/// Never 0: that is an empty slot.
constexpr uint16_t tag_of(uint64_t hash) {
    return static_cast<uint16_t>((hash >> 48) | 1);
}

/// Bit 15 of every 16-bit lane that is zero, exactly.
constexpr uint64_t zero_lanes(uint64_t word) {
    constexpr uint64_t kLow = 0x7fff7fff7fff7fff;
    return ~(((word & kLow) + kLow) | word | kLow);
}

}  // namespace

struct alignas(64) HashTable::Bucket {
    std::atomic<uint32_t> version{0};
    SpinLock lock;
    std::atomic<uint64_t> tags[kSlots / kTagsPerWord]{};
    std::atomic<uint32_t> elements[kSlots]{};
    std::atomic<uint32_t> chain{kNoElement};

    uint16_t tag(uint32_t slot) const {
        const uint64_t word = tags[slot / kTagsPerWord].load(std::memory_order_acquire);
        return static_cast<uint16_t>(word >> (slot % kTagsPerWord * 16));
    }
    void set_tag(uint32_t slot, uint16_t tag) {
        std::atomic<uint64_t>& word = tags[slot / kTagsPerWord];
        const uint32_t shift = slot % kTagsPerWord * 16;
        const uint64_t others = word.load(std::memory_order_relaxed) & ~(uint64_t{0xffff} << shift);
        word.store(others | uint64_t{tag} << shift, std::memory_order_release);
    }
    /// After an element left, before it may be written again.
    void raise_version() { version.fetch_add(1, std::memory_order_release); }
};

Result<std::unique_ptr<HashTable>> HashTable::create(const HashTableShape& shape,
                                                     const std::string& map_name) {
    const uint64_t elements = uint64_t{shape.entries_max} + shape.spare_elements;
    if (elements >= kNoElement) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: max_entries {} exceeds {}", map_name, shape.entries_max,
                                kNoElement - 1 - shape.spare_elements));
    }
    const uint64_t stride =
        kHeaderBytes + round_up_to(shape.key_bytes, kWordBytes) + shape.payload_bytes;
    Result<Region> elements_memory = Region::take(elements * stride, map_name);
    if (!elements_memory) return std::unexpected(elements_memory.error());
    const uint64_t buckets =
        (uint64_t{shape.entries_max} + kEntriesPerBucket - 1) / kEntriesPerBucket;
    Result<Region> buckets_memory = Region::take(buckets * sizeof(Bucket), map_name);
    if (!buckets_memory) return std::unexpected(buckets_memory.error());
    return std::unique_ptr<HashTable>(
        new HashTable(shape, std::move(*buckets_memory), std::move(*elements_memory)));
}

HashTable::HashTable(const HashTableShape& shape, Region buckets, Region elements)
    : key_bytes_(shape.key_bytes),
      key_stride_(static_cast<uint32_t>(round_up_to(shape.key_bytes, kWordBytes))),
      element_stride_(kHeaderBytes + uint64_t{key_stride_} + shape.payload_bytes),
      element_count_(shape.entries_max + shape.spare_elements),
      bucket_count_((uint64_t{shape.entries_max} + kEntriesPerBucket - 1) / kEntriesPerBucket),
      hash_(KeyHash::make(shape.zero_seed)),
      buckets_memory_(std::move(buckets)),
      elements_memory_(std::move(elements)),
      free_({elements_memory_.data(), element_stride_}, 0, shape.entries_max, shape.threads) {
    static_assert(sizeof(Bucket) == 64, "one cache line");
    for (uint64_t b = 0; b < bucket_count_; ++b) new (&bucket_at(b)) Bucket;
}

HashTable::Bucket& HashTable::bucket_at(uint64_t index) const {
    return *reinterpret_cast<Bucket*>(buckets_memory_.data() + index * sizeof(Bucket));
}

bool HashTable::Hit::unchanged() const {
    return bucket->version.load(std::memory_order_relaxed) == version;
}

// -- readers
// ------------------------------------------------------------------------------------------

/// kKeyBytes 0: any size.
template <uint32_t kKeyBytes>
bool HashTable::key_equals(uint32_t element, const uint8_t* key) const {
    const uint32_t bytes = kKeyBytes != 0 ? kKeyBytes : key_bytes_;
    const uint8_t* stored = element_at(element) + kHeaderBytes;
    uint32_t done = 0;
    for (; done + kWordBytes <= bytes; done += kWordBytes) {
        if (load_shared_word(stored + done) != load_private_word(key + done)) return false;
    }
    return done == bytes ||
           load_shared_word(stored + done) == load_partial(key + done, bytes - done);
}

/// One look at a bucket. The answer counts only if the version is still the same afterwards.
template <uint32_t kKeyBytes>
uint32_t HashTable::scan(const Bucket& bucket, uint64_t hash, const uint8_t* key,
                         uint32_t version) const {
    const uint64_t wanted = kEachTag * tag_of(hash);
    for (uint32_t word = 0; word < kSlots / kTagsPerWord; ++word) {
        uint64_t lanes = zero_lanes(bucket.tags[word].load(std::memory_order_acquire) ^ wanted);
        for (; lanes != 0; lanes &= lanes - 1) {
            const uint32_t slot =
                word * kTagsPerWord + static_cast<uint32_t>(std::countr_zero(lanes)) / 16;
            const uint32_t element = bucket.elements[slot].load(std::memory_order_acquire);
            if (key_equals<kKeyBytes>(element, key)) return element;
        }
    }
    uint32_t element = bucket.chain.load(std::memory_order_acquire);
    while (element != kNoElement) {
        if (key_equals<kKeyBytes>(element, key)) return element;
        element = link_of(element).load(std::memory_order_acquire);
        // A link of an element that has left may lead anywhere, even in a circle.
        if (bucket.version.load(std::memory_order_relaxed) != version) return kNoElement;
    }
    return kNoElement;
}

template <uint32_t kKeyBytes>
HashTable::Hit HashTable::find_sized(const uint8_t* key) const {
    const uint64_t hash = hash_(key, kKeyBytes != 0 ? kKeyBytes : key_bytes_);
    const Bucket& bucket = bucket_at(bucket_index(hash));
    for (;;) {
        Hit hit;
        hit.bucket = &bucket;
        hit.version = bucket.version.load(std::memory_order_acquire);
        hit.element = scan<kKeyBytes>(bucket, hash, key, hit.version);
        if (hit.unchanged()) return hit;
    }
}

HashTable::Hit HashTable::find(const uint8_t* key) const {
    switch (key_bytes_) {
        case 4: return find_sized<4>(key);
        case 8: return find_sized<8>(key);
        case 16: return find_sized<16>(key);
        default: return find_sized<0>(key);
    }
}

/// The element behind `element` in the bucket's order, the first one for kNoElement. Counts as
/// `scan` does.
uint32_t HashTable::after(const Bucket& bucket, uint32_t element, uint32_t version) const {
    bool passed = element == kNoElement;
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
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
        for (uint32_t slot = 0; slot < kSlots; ++slot)
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

// -- writers
// ------------------------------------------------------------------------------------------

void HashTable::write_key(uint32_t element, const uint8_t* key) {
    store_words(element_at(element) + kHeaderBytes, key, key_bytes_);
}

bool HashTable::remove_element(uint32_t element) {
    Guard guard(*this, element_at(element) + kHeaderBytes, Side::Control);
    if (guard.element() != element) return false;
    guard.remove();
    return true;
}

HashTable::Guard::Guard(HashTable& table, const uint8_t* key, Side side)
    : table_(table), hash_(table.hash_(key, table.key_bytes_)) {
    Bucket& bucket = table.bucket_at(table.bucket_index(hash_));
    if (!bucket.lock.acquire(side)) return;
    bucket_ = &bucket;
    locate(key);
}

HashTable::Guard::~Guard() {
    if (bucket_ != nullptr) bucket_->lock.release();
}

void HashTable::Guard::locate(const uint8_t* key) {
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
        if (bucket_->tag(slot) != tag_of(hash_)) continue;
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

void HashTable::Guard::insert(uint32_t fresh) {
    WEIR_CHECK(locked() && element_ == kNoElement);
    table_.entries_.add(1);
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
        if (bucket_->tag(slot) != 0) continue;
        bucket_->elements[slot].store(fresh, std::memory_order_release);
        bucket_->set_tag(slot, tag_of(hash_));
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

void HashTable::Guard::remove() {
    WEIR_CHECK(locked() && element_ != kNoElement);
    table_.entries_.add(-1);
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
