#pragma once
// Where the elements of a map lie and how a key leads there, for machine code that looks up without
// a call. Each kind of map fills in its own (maps/), the JIT alone reads it. What a layout names
// never moves and never changes its shape in the life of the map.

#include <array>
#include <variant>

#include "vm/program/map.h"

namespace weir::vm {

/// Keys lead to a bucket, buckets to elements: maps/hash_table.h says how, and how readers agree
/// with writers. All addresses are those of element or bucket 0.
struct HashLayout {
    uint32_t key_bytes = 0;
    std::array<uint64_t, 4> secrets{};  ///< of the keyed hash (maps/key_hash.h)

    const uint8_t* buckets = nullptr;
    uint64_t bucket_count = 0;
    uint32_t bucket_stride = 0;
    uint32_t version_offset = 0;   ///< in a bucket: u32
    uint32_t tags_offset = 0;      ///< eight of 16 bits
    uint32_t elements_offset = 0;  ///< eight of 32 bits, in the order of the tags
    uint32_t chain_offset = 0;     ///< u32
    uint32_t no_element = 0;       ///< what `chain` holds where there is none

    const uint8_t* keys = nullptr;  ///< zeroes behind each, up to a multiple of eight bytes
    uint64_t key_stride = 0;
    uint8_t* values = nullptr;
    uint64_t value_stride = 0;
    uint32_t planes = 0;       ///< one for each cpu; 0: values that all share
    uint64_t plane_bytes = 0;  ///< from one cpu's values to the next one's
    uint8_t* marks = nullptr;  ///< a byte for each element, 1 once it was used; nullptr: none
};

/// A table over the first bits of an address (maps/lpm_fib.h), for keys of full length.
struct PrefixLayout {
    uint32_t address_bytes = 0;
    uint32_t table_bits = 0;  ///< 8, 16 or 24: how many of the address `table` goes by
    /// Slots of 32 bits. Up to `entry_max` they are entries; others lead on, which is for the map's
    /// own function to follow.
    const uint32_t* table = nullptr;
    /// By the first eight bits: the entry that counts where the slot of `table` is 0. nullptr where
    /// that has no more than eight bits.
    const uint32_t* root = nullptr;
    uint32_t entry_max = 0;
    uint8_t* values = nullptr;  ///< of entry 0, which is no entry
    uint64_t value_stride = 0;
};

/// A prog array: slot i, at base + i * stride_bytes, begins with the address of a Runnable or null.
/// Machine code loads it with acquire, as all loads of x86 are.
struct ProgramSlots {
    const uint8_t* base = nullptr;
    uint32_t entries = 0;
    uint32_t stride_bytes = 0;
};

struct LookupLayout {
    /// monostate: by a call only
    std::variant<std::monostate, ArrayLayout, HashLayout, PrefixLayout, ProgramSlots> kind;
};

}  // namespace weir::vm
