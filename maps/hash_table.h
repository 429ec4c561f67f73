#pragma once
// Key -> element index: the core that the hash kinds share.
//
// A bucket is one cache line: eight slots of a 16-bit tag (part of the key's hash, 0 = empty) and
// an element index, a version, a lock for writers, and the head of a chain of elements that found
// no slot. The number of buckets makes four of eight slots full at max_entries, so that chains are
// rare; they need no memory of their own, so max_entries always fit, however keys fall. A hit reads
// two lines: bucket and element.
//
// Writers hold the bucket's lock. Each of their steps becomes visible by one store:
//   insert   element written, then index, then tag            (or the chain's head)
//   replace  new element written, then the slot's index
//   erase    tag = 0 (or the chain's link around it), version + 1, element to the free list
// Readers take no lock and never wait for one. They look at tags, indices and keys, then at the
// version again: the version was raised after an element left the bucket and before anybody could
// write another key into it. Same version: what they compared was in the bucket. Other version:
// look again, which happens only when a writer has finished something in this bucket. A key that is
// present the whole time keeps its slot or its place in the chain, hence is never missed; so who
// sees no slot with the tag and no chain knows without the version that it was absent at one
// moment.
//
// Values of one cpu need less than a lock (Claim): many workers may each write their own slot of
// one element, as long as it is not given to another key meanwhile. A worker announces the bucket
// in a line of its own and then looks at the lock; who takes the lock then looks at the
// announcements. All four in one order (seq_cst): at least one sees the other, and the worker steps
// back.
//
// Memory holds indices, no pointers.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "maps/free_list.h"
#include "maps/key_hash.h"
#include "maps/memory.h"
#include "maps/region.h"
#include "maps/spin_lock.h"
#include "vm/base/limits.h"
#include "vm/base/result.h"
#include "vm/program/lookup_layout.h"

namespace weir::maps {

struct HashTableShape {
    uint32_t key_bytes;
    uint32_t payload_bytes;  ///< of an element behind its key, a multiple of 8; may be 0
    uint32_t entries_max;
    uint32_t spare_elements;  ///< beyond entries_max, owned by the caller: indices entries_max ..
    uint32_t threads;         ///< writers expected at once
    uint32_t claims = 0;      ///< cpus that make Claims
    bool zero_seed;
};

class HashTable {
    struct Bucket;
    struct Candidate;

public:
    /// Of a key that was found. Good until the bucket changes: `unchanged` tells.
    struct Hit {
        const Bucket* bucket = nullptr;
        uint32_t version = 0;
        uint32_t element = kNoElement;

        explicit operator bool() const { return element != kNoElement; }
        bool unchanged() const;  ///< in hash_find.h
    };

    /// What find_at_once gives: kNoElement and nullptr when the key is not there.
    struct Found {
        uint32_t element = kNoElement;
        uint8_t* payload = nullptr;
    };

    /// Exclusive access to the bucket of one key, released at the end of the scope.
    class Guard {
    public:
        Guard(HashTable& table, const uint8_t* key, Side side);
        /// Of the bucket that `key` leads to, whose lock it only tries: `element` where it is
        /// there.
        Guard(HashTable& table, const uint8_t* key, uint32_t element, Side side);
        ~Guard();
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

        bool locked() const { return bucket_ != nullptr; }
        /// The element that holds the key, or kNoElement. The operations below refer to the key
        /// that was looked for.
        uint32_t element() const { return element_; }
        /// The key is absent: `fresh`, fully written, becomes its element.
        void insert(uint32_t fresh);
        /// The key is present: `fresh` takes the place of element(), which then belongs to the
        /// caller.
        void replace(uint32_t fresh);
        /// The key is present: it leaves; element() belongs to the caller.
        void remove() {
            unlink();
            table_.removed(1);
        }
        /// The same, but for entries().
        void unlink();

    private:
        void locate(const uint8_t* key);
        void locate(uint32_t element);
        HashTable& table_;
        Bucket* bucket_ = nullptr;
        uint64_t hash_;
        uint32_t element_ = kNoElement;
        int slot_ = -1;                      ///< slot of element_, or -1 when it is in the chain
        uint32_t predecessor_ = kNoElement;  ///< in the chain; kNoElement: the bucket's head
    };

    /// Keeps an element in its bucket while a worker writes a value that no other worker writes,
    /// for the scope. Claims do not mind each other and write no shared line; Guards wait for them.
    class Claim {
    public:
        /// `cpu` below the shape's claims, one thread at a time for each.
        Claim(HashTable& table, const Hit& hit, uint32_t cpu);
        ~Claim();
        Claim(const Claim&) = delete;
        Claim& operator=(const Claim&) = delete;

        /// False: a Guard is there, or something left the bucket since the hit.
        bool held() const { return held_; }

    private:
        std::atomic<const Bucket*>& cell_;
        bool held_;
    };

    static Result<std::unique_ptr<HashTable>> create(const HashTableShape& shape,
                                                     MapMemory& memory);
    /// In anonymous memory.
    static Result<std::unique_ptr<HashTable>> create(const HashTableShape& shape,
                                                     const std::string& map_name);

    /// Of a table over dead memory: calls visit(key, element) once for each element that is whole,
    /// as far as its key tells: buckets lead to it, and to the bucket the key's hash. The number of
    /// those that are not. Trusts nothing that it reads.
    template <typename Visit>
    uint64_t salvage(const Visit& visit) const;

    /// Lock-free. The element's key was `key` at one moment during the call, or no element's was.
    Hit find(const uint8_t* key) const;
    /// The usual case of find() inlined, for keys of kKeyBytes, which is this table's size, or any
    /// where kKeyBytes is 0: the first slot with the key's tag holds the key, or there is no such
    /// slot and no chain. False where that does not tell: then find() does. How many look-ups of
    /// different keys overlap in the processor depends on how short one is. In hash_find.h, as
    /// with_key_bytes.
    template <uint32_t kKeyBytes>
    bool find_at_once(const uint8_t* key, Found& found) const;
    /// For code that does what find_at_once does: all but where the values are.
    vm::HashLayout layout() const;
    /// elements[i] = find(keys[i]).element for i < count <= kBurstPacketsMax, in that order; the
    /// waits for memory overlap. A value apart from its element is the caller's to ask for.
    void find_bulk(const uint8_t* const* keys, uint32_t count, uint32_t* elements) const;
    /// The steps of a look-up ahead of it (vm::LookupSteps): requests the bucket; the ticket, never
    /// 0 and below 2^48, says what to look for in it.
    template <uint32_t kKeyBytes>
    uint64_t ask_bucket(const uint8_t* key) const;
    /// Requests the first element that the bucket of a ticket suggests, and gives it, or
    /// kNoElement.
    uint32_t ask_element(uint64_t ticket) const;
    /// Lock-free. In the order of buckets, slots and chains; -ENOENT at the end. A null or absent
    /// key gives the first.
    int next_key(const uint8_t* key, uint8_t* next) const;

    /// An unused element, or kNoElement when entries_max are in use.
    uint32_t take_element() { return free_.take(); }
    void give_back_element(uint32_t element) { free_.give_back(element); }
    void write_key(uint32_t element, const uint8_t* key);
    uint8_t* payload(uint32_t element) const {
        return element_at(element) + kHeaderBytes + key_stride_;
    }

    /// The element whose payload starts there, or kNoElement.
    uint32_t element_of(const uint8_t* payload) const;
    void read_key(uint32_t element, uint8_t* key) const;
    /// Of a table without claims: removes an element by its number, whatever its key. False when no
    /// key leads to it, or another writer holds its bucket: does not wait. Its key may change
    /// meanwhile. entries() counts it until `removed` says how many it was.
    bool try_remove(uint32_t element, Side side);
    void removed(uint32_t count) { entries_.add(-int64_t{count}); }
    /// Fetches what try_remove will need: first the element, later its bucket.
    void prefetch_element(uint32_t element) const { __builtin_prefetch(element_at(element)); }
    void prefetch_bucket_of(uint32_t element) const;
    /// Fetches what a Guard will need.
    void prefetch_bucket(const uint8_t* key) const;
    /// Calls visit(key, element) for every element, bucket by bucket, until it gives something else
    /// than 0; the number of calls. An element is in a bucket when its turn comes and is seen once:
    /// the visitor may remove or replace it and insert others, which may be seen or not. (In a
    /// bucket of more than kWalkMax elements removing some hides others.) No locks.
    template <typename Visit>
    int64_t for_each(const Visit& visit) const;

    uint32_t entries() const { return static_cast<uint32_t>(entries_.sum()); }
    uint64_t memory_bytes() const { return buckets_memory_.bytes() + elements_memory_.bytes(); }
    /// Of the elements that are there, with their share of the buckets.
    uint64_t used_bytes() const;

private:
    /// Elements of one bucket that for_each takes at a time. Four is usual; only keys aimed at one
    /// bucket of a table with a known seed could be more.
    static constexpr uint32_t kWalkMax = 128;
    static constexpr uint32_t kHeaderBytes = 8;  ///< the link, of a chain or of the free list

    HashTable(const HashTableShape& shape, const MapMemory& memory, Region buckets,
              Region elements);

    struct alignas(64) ClaimCell {
        std::atomic<const Bucket*> bucket{nullptr};  ///< that this cpu claims
    };
    bool claims_end(const Bucket& bucket, Side side) const;

    uint8_t* element_at(uint32_t element) const {
        return elements_memory_.data() + element * element_stride_;
    }
    std::atomic<uint32_t>& link_of(uint32_t element) const {
        return *reinterpret_cast<std::atomic<uint32_t>*>(element_at(element));
    }
    Bucket& bucket_at(uint64_t index) const;
    uint64_t bucket_index(uint64_t hash) const {
        return ((hash & 0xffffffff) * bucket_count_) >> 32;
    }
    template <uint32_t kKeyBytes>
    bool same_key(const uint8_t* stored, const uint8_t* key) const;
    template <uint32_t kKeyBytes>
    bool key_equals(uint32_t element, const uint8_t* key) const;
    template <uint32_t kKeyBytes>
    Hit find_sized(const uint8_t* key) const;
    uint64_t look_at_tags(std::span<Candidate> candidates, uint32_t* elements) const;
    template <uint32_t kKeyBytes>
    void find_bulk_sized(const uint8_t* const* keys, uint32_t count, uint32_t* elements) const;
    template <uint32_t kKeyBytes>
    uint32_t scan(const Bucket& bucket, uint64_t hash, const uint8_t* key, uint32_t version) const;
    uint32_t after(const Bucket& bucket, uint32_t element, uint32_t version) const;
    bool copy_first(const Bucket& bucket, uint8_t* next) const;
    std::span<uint32_t> elements_in(uint64_t bucket, uint64_t skipped,
                                    std::span<uint32_t> buffer) const;
    uint64_t dead_elements_in(uint64_t bucket, std::vector<bool>& seen,
                              std::vector<uint32_t>& whole) const;
    bool is_whole(uint32_t element, uint64_t bucket, uint16_t tag, std::vector<bool>& seen) const;

    uint32_t key_bytes_;
    uint32_t key_stride_;      ///< key_bytes_ rounded up to 8
    uint64_t element_stride_;  ///< so that a short element lies in one cache line
    uint32_t element_count_;
    uint64_t bucket_count_;
    KeyHash hash_;
    Region buckets_memory_;
    Region elements_memory_;
    FreeList free_;
    std::vector<ClaimCell> claims_;
    ShardedCounter entries_;
};

template <typename Visit>
int64_t HashTable::for_each(const Visit& visit) const {
    int64_t calls = 0;
    uint32_t buffer[kWalkMax];
    uint8_t key[kMapKeyBytesMax];
    for (uint64_t bucket = 0, seen = 0; bucket < bucket_count_;) {
        const std::span<const uint32_t> elements = elements_in(bucket, seen, buffer);
        for (const uint32_t element : elements) {
            read_key(element, key);
            // It may have left since, and even hold another key.
            if (find(key).element != element) continue;
            ++calls;
            if (visit(key, element) != 0) return calls;
        }
        const bool has_more = elements.size() == kWalkMax;
        seen = has_more ? seen + kWalkMax : 0;
        if (!has_more) ++bucket;
    }
    return calls;
}

template <typename Visit>
uint64_t HashTable::salvage(const Visit& visit) const {
    uint64_t torn = 0;
    uint8_t key[kMapKeyBytesMax];
    std::vector<bool> seen(element_count_);
    std::vector<uint32_t> whole;
    for (uint64_t bucket = 0; bucket < bucket_count_; ++bucket) {
        whole.clear();
        torn += dead_elements_in(bucket, seen, whole);
        for (const uint32_t element : whole) {
            read_key(element, key);
            visit(key, element);
        }
    }
    return torn;
}

}  // namespace weir::maps
