#pragma once
// The readers of a HashTable, compiled for one key size: hash_table.h says how they and the writers
// agree. Here are two ways to look: one key at a time, and many at a time.
//
// In bulk three stages run over all keys, so that the waits for memory overlap: hash and ask for
// the buckets; compare tags and ask for the elements; compare keys. A key that was found must have
// been in its bucket during the whole time from its second stage to its third (same version), and
// one that was not found is settled in the second stage: so each answer holds at the second stage,
// and these come in the order of the keys. From the first key on that the stages cannot settle (a
// writer was there, a tag was shared, there is a chain) the rest is looked up one after the other,
// which keeps that order.

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <span>

#include "maps/hash_table.h"
#include "maps/words.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Slots of a bucket: bit i stands for slot i.
class SlotSet {
public:
    explicit SlotSet(uint32_t bits) : bits_(bits) {}
    bool empty() const { return bits_ == 0; }
    uint32_t first() const { return static_cast<uint32_t>(std::countr_zero(bits_)); }
    SlotSet without_first() const { return SlotSet(bits_ & (bits_ - 1)); }

private:
    uint32_t bits_;
};

struct alignas(64) HashTable::Bucket {
    static constexpr uint32_t kSlots = 8;
    static constexpr uint32_t kTagsPerWord = 4;

    std::atomic<uint32_t> version{0};
    SpinLock lock;
    std::atomic<uint64_t> tags[kSlots / kTagsPerWord]{};
    std::atomic<uint32_t> elements[kSlots]{};
    std::atomic<uint32_t> chain{kNoElement};

    /// Never 0: that is an empty slot.
    static constexpr uint16_t tag_of(uint64_t hash) {
        return static_cast<uint16_t>((hash >> 48) | 1);
    }
    /// Slots with this tag. A key that is present the whole time has its slot among them.
    SlotSet slots_with(uint16_t wanted) const {
#if defined(__SSE2__)
        const uint64_t low = tags[0].load(std::memory_order_acquire);
        const uint64_t high = tags[1].load(std::memory_order_acquire);
        const __m128i all = _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
        const __m128i same = _mm_cmpeq_epi16(all, _mm_set1_epi16(static_cast<int16_t>(wanted)));
        const int bits = _mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128()));
        return SlotSet(static_cast<uint32_t>(bits));
#else
        uint32_t bits = 0;
        for (uint32_t slot = 0; slot < kSlots; ++slot)
            bits |= static_cast<uint32_t>(tag(slot) == wanted) << slot;
        return SlotSet(bits);
#endif
    }
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
    bool has_chain() const { return chain.load(std::memory_order_acquire) != kNoElement; }
    /// After an element left, before it may be written again. Under the lock.
    void raise_version() {
        version.store(version.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
};

/// Calls use.operator()<kKeyBytes>() with the size of a table's keys as a constant where it is a
/// usual one (addresses, ports with addresses, 5-tuples), else with 0: any size.
template <typename Use>
decltype(auto) with_key_bytes(uint32_t key_bytes, const Use& use) {
    switch (key_bytes) {
        case 4: return use.template operator()<4>();
        case 8: return use.template operator()<8>();
        case 12: return use.template operator()<12>();
        case 13: return use.template operator()<13>();
        case 16: return use.template operator()<16>();
        case 20: return use.template operator()<20>();
        case 24: return use.template operator()<24>();
        case 32: return use.template operator()<32>();
        case 36: return use.template operator()<36>();
        case 40: return use.template operator()<40>();
        default: return use.template operator()<0>();
    }
}

inline HashTable::Bucket& HashTable::bucket_at(uint64_t index) const {
    return *reinterpret_cast<Bucket*>(buckets_memory_.data() + index * sizeof(Bucket));
}

inline bool HashTable::Hit::unchanged() const {
    return bucket->version.load(std::memory_order_relaxed) == version;
}

/// `stored` is map memory.
template <uint32_t kKeyBytes>
bool HashTable::same_key(const uint8_t* stored, const uint8_t* key) const {
    const uint32_t bytes = kKeyBytes != 0 ? kKeyBytes : key_bytes_;
    uint32_t done = 0;
    for (; done + kWordBytes <= bytes; done += kWordBytes) {
        if (load_shared_word(stored + done) != load_private_word(key + done)) return false;
    }
    return done == bytes ||
           load_shared_word(stored + done) == load_partial(key + done, bytes - done);
}

template <uint32_t kKeyBytes>
bool HashTable::key_equals(uint32_t element, const uint8_t* key) const {
    return same_key<kKeyBytes>(element_at(element) + kHeaderBytes, key);
}

/// One look at a bucket. The answer counts only if the version is still the same afterwards.
template <uint32_t kKeyBytes>
uint32_t HashTable::scan(const Bucket& bucket, uint64_t hash, const uint8_t* key,
                         uint32_t version) const {
    SlotSet slots = bucket.slots_with(Bucket::tag_of(hash));
    for (; !slots.empty(); slots = slots.without_first()) {
        const uint32_t element = bucket.elements[slots.first()].load(std::memory_order_acquire);
        if (key_equals<kKeyBytes>(element, key)) return element;
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
[[gnu::always_inline]] inline bool HashTable::find_at_once(const uint8_t* key, Found& found) const {
    // Before the first acquiring load: the compiler may not keep what it has read across one.
    const uint64_t stride = element_stride_;
    uint8_t* const elements = elements_memory_.data();
    const uint32_t key_stride =
        kKeyBytes != 0 ? static_cast<uint32_t>(round_up_to(kKeyBytes, kWordBytes)) : key_stride_;
    const uint64_t hash = hash_(key, kKeyBytes != 0 ? kKeyBytes : key_bytes_);
    const Bucket& bucket = bucket_at(bucket_index(hash));
    const uint32_t version = bucket.version.load(std::memory_order_acquire);
    const SlotSet slots = bucket.slots_with(Bucket::tag_of(hash));
    if (slots.empty()) {
        found = {};
        return !bucket.has_chain();  // whatever happened meanwhile: it was not there at one moment
    }
    found.element = bucket.elements[slots.first()].load(std::memory_order_acquire);
    const uint8_t* const stored = elements + found.element * stride + kHeaderBytes;
    found.payload = elements + found.element * stride + kHeaderBytes + key_stride;
    return same_key<kKeyBytes>(stored, key) &&
           bucket.version.load(std::memory_order_relaxed) == version;
}

/// One look after the other until none is disturbed.
template <uint32_t kKeyBytes>
HashTable::Hit HashTable::find_sized(const uint8_t* key) const {
    const uint64_t hash = hash_(key, kKeyBytes != 0 ? kKeyBytes : key_bytes_);
    const Bucket& bucket = bucket_at(bucket_index(hash));
    for (;;) {
        Hit hit{.bucket = &bucket, .version = bucket.version.load(std::memory_order_acquire)};
        hit.element = scan<kKeyBytes>(bucket, hash, key, hit.version);
        if (hit.unchanged()) return hit;
    }
}

/// A key on its way through the stages.
struct HashTable::Candidate {
    const Bucket* bucket;
    uint32_t version;
    uint16_t tag;
};

/// Second stage, for the keys of `candidates`: elements[i] is that of the first slot with the tag,
/// else kNoElement. The keys whose answer that is not, a bit for each. Asks for an element as soon
/// as its bucket has come, not when all have.
inline uint64_t HashTable::look_at_tags(std::span<Candidate> candidates, uint32_t* elements) const {
    static_assert(kBurstPacketsMax <= 64, "a bit for each key");
    const uint64_t stride = element_stride_;
    uint8_t* const first_element = elements_memory_.data();
    uint64_t open = 0;
    for (uint32_t i = 0; i < candidates.size(); ++i) {
        Candidate& candidate = candidates[i];
        candidate.version = candidate.bucket->version.load(std::memory_order_acquire);
        const SlotSet slots = candidate.bucket->slots_with(candidate.tag);
        elements[i] = kNoElement;
        open |= uint64_t{!slots.empty() || candidate.bucket->has_chain()} << i;
        if (slots.empty()) continue;
        elements[i] = candidate.bucket->elements[slots.first()].load(std::memory_order_acquire);
        __builtin_prefetch(first_element + elements[i] * stride);
    }
    return open;
}

template <uint32_t kKeyBytes>
void HashTable::find_bulk_sized(const uint8_t* const* keys, uint32_t count,
                                uint32_t* elements) const {
    std::array<Candidate, kBurstPacketsMax> candidates;
    for (uint32_t i = 0; i < count; ++i) {
        const uint64_t hash = hash_(keys[i], kKeyBytes != 0 ? kKeyBytes : key_bytes_);
        candidates[i].bucket = &bucket_at(bucket_index(hash));
        candidates[i].tag = Bucket::tag_of(hash);
        __builtin_prefetch(candidates[i].bucket);
    }
    uint64_t open = look_at_tags(std::span(candidates).first(count), elements);
    for (; open != 0; open &= open - 1) {
        const auto i = static_cast<uint32_t>(std::countr_zero(open));
        const Candidate& candidate = candidates[i];
        if (elements[i] != kNoElement && key_equals<kKeyBytes>(elements[i], keys[i]) &&
            candidate.bucket->version.load(std::memory_order_relaxed) == candidate.version)
            [[likely]] {
            continue;
        }
        for (uint32_t rest = i; rest < count; ++rest)
            elements[rest] = find_sized<kKeyBytes>(keys[rest]).element;
        return;
    }
}

template <uint32_t kKeyBytes>
uint64_t HashTable::ask_bucket(const uint8_t* key) const {
    const uint64_t hash = hash_(key, kKeyBytes != 0 ? kKeyBytes : key_bytes_);
    __builtin_prefetch(&bucket_at(bucket_index(hash)));
    return uint64_t{Bucket::tag_of(hash)} << 32 | (hash & 0xffffffff);
}

inline uint32_t HashTable::ask_element(uint64_t ticket) const {
    const Bucket& bucket = bucket_at(bucket_index(ticket));
    const SlotSet slots = bucket.slots_with(static_cast<uint16_t>(ticket >> 32));
    if (slots.empty()) return kNoElement;
    const uint32_t element = bucket.elements[slots.first()].load(std::memory_order_relaxed);
    __builtin_prefetch(element_at(element));
    __builtin_prefetch(payload(element));
    return element;
}

/// LookupSteps of a kind whose elements lie in its table_, and whose ask_element(ticket, cpu)
/// requests what else the element leads to.
struct HashSteps {
    template <typename Kind>
    static vm::LookupSteps of(uint32_t key_bytes) {
        return with_key_bytes(key_bytes, []<uint32_t kKeyBytes>() -> vm::LookupSteps {
            return {
                .ask =
                    [](const vm::Map& map, const uint8_t* key, uint32_t /*cpu*/) {
                        return kind<Kind>(map).table_->template ask_bucket<kKeyBytes>(key);
                    },
                .ask_on = [](const vm::Map& map, const uint8_t* /*key*/, uint32_t cpu,
                             uint64_t ticket) { return kind<Kind>(map).ask_element(ticket, cpu); }};
        });
    }

private:
    template <typename Kind>
    static const Kind& kind(const vm::Map& map) {
        return static_cast<const Kind&>(map);
    }
};

}  // namespace weir::maps
