#pragma once
// The look-up structure over an LPM trie: what a key of full length finds, in few memory accesses.
// The trie (lpm_trie.h) is the exact record; this is a picture of it that each change redraws.
//
// A direct table over the first bits, as in Gupta, Lin and McKeown, "Routing Lookups in Hardware at
// Memory Access Speeds" (INFOCOM 1998), then blocks of eight bits each (lpm_blocks.h). A slot holds
// the longest entry among those whose length falls into its own level, not shorter ones: the reader
// carries the best entry down. So an update changes the slots of one level only.
// Where a slot leads on to few longer entries these are listed in a cell. Where memory ends, or the
// entries lie too deep for a block or a cell, the slot leads into the trie: to its own entry or,
// without one, to the topmost node below. So the picture is bounded, and exact whatever the
// prefixes are.
//
// Layouts by size: tables of 65,536 entries or more have two direct tables, one for lengths up to 8
// and one for 9 to 24, both read at once; smaller ones have 9 to 16 in the second, the smallest
// only the first. So no change stores more than 32,768 slots.
//
// Every change that one address can see is one store: a slot, or the best entry of a block. Blocks
// are rebuilt aside where runs part or join, and published by one store.

#include <array>
#include <atomic>
#include <cstdint>

#include "maps/lpm_blocks.h"
#include "maps/lpm_nodes.h"
#include "maps/lpm_trie.h"
#include "vm/program/lookup_layout.h"

// popcnt is older than any processor that DPDK runs on, but not in the baseline that we build for.
#if defined(__x86_64__)
#define WEIR_LPM_TARGET __attribute__((target("popcnt")))
#else
#define WEIR_LPM_TARGET
#endif

namespace weir::maps {

enum class LpmLayout : uint8_t { Byte, Pair, Wide };  ///< direct tables: 8; 8, 16; 8, 24 bits

/// Threads: find and find_many anyone that is registered (maps/reclaim.h); the others under the
/// map's writer lock.
class LpmFib {
public:
    struct Shape {
        LpmLayout layout;
        uint32_t chunks;  ///< of blocks
    };
    static Shape shape_for(uint32_t entries_max, uint32_t address_bytes);
    static uint64_t bytes_needed(const Shape& shape);

    /// In zeroed memory of bytes_needed(), aligned to 4096; of a trie that is empty.
    LpmFib(uint8_t* memory, const Shape& shape, LpmTrie& trie, LpmNodes& nodes);

    LpmLayout layout() const { return layout_; }
    /// For code that does what `find` does with a slot that is an entry.
    vm::PrefixLayout layout_of_tables() const;
    /// The entry for an address of full length, or kNoNode. kAddressBytes: 0 for any.
    template <LpmLayout kLayout, uint32_t kAddressBytes>
    uint32_t find(const uint8_t* address) const;
    /// The values for the addresses of many keys, with their waits for memory overlapped. True when
    /// all keys have the full length; the values of the others mean nothing.
    /// count <= kBurstPacketsMax.
    template <LpmLayout kLayout, uint32_t kAddressBytes>
    bool find_many(const uint8_t* const* keys, uint32_t count, uint8_t** values) const;

    /// The steps of find() ahead of it (vm::LookupSteps). The ticket counts the levels requested.
    template <LpmLayout kLayout>
    uint64_t ask(const uint8_t* address) const;
    template <LpmLayout kLayout, uint32_t kAddressBytes>
    uint64_t ask_on(const uint8_t* address, uint64_t ticket) const;

    /// A node of the trie from where the way of `key` can go on (LpmTrie::place_of), or kNoNode.
    uint32_t anchor(const LpmKey& key) const;
    /// Redraws what the change touched. To be called before the nodes that are gone retire.
    void apply(const LpmChange& change);

    uint64_t used_bytes() const { return direct_bytes(layout_) + blocks_.used_bytes(); }

private:
    struct Direct {
        std::atomic<uint32_t>* root;  ///< lengths up to 8
        std::atomic<uint32_t>* wide;  ///< from 9 on; of LpmLayout::Byte none
    };
    /// How far a reader has come.
    struct Step {
        uint32_t slot;
        uint32_t best;  ///< if the slot gives none
        uint32_t byte;  ///< of the address, the next to look at
    };
    /// Slots that a writer changes: a direct table, a row of one, or a block.
    struct Table {
        std::atomic<uint32_t>* slots;  ///< nullptr: a block of runs
        std::atomic<uint32_t>* own;    ///< the slot that leads here; nullptr: a direct table
        uint32_t block;
        uint32_t lower_bits;  ///< entries of this level are longer
        uint32_t upper_bits;  ///< and not longer than this
    };
    /// A change, and how far down the trie its way was followed.
    struct Redraw {
        const LpmChange& change;
        uint32_t at;
        uint32_t anchor_bits;  ///< tops of shorter or equal areas have not changed
    };

    static uint64_t direct_bytes(LpmLayout layout);

    template <LpmLayout kLayout>
    static Step first(const Direct& direct, const uint8_t* address);
    // Not in one Step: two halves of a register, put together in memory, would be waited for.
    template <uint32_t kAddressBytes>
    uint32_t below(uint32_t slot, uint32_t best, uint32_t byte, const uint8_t* address) const;
    void advance(Step& at, const uint8_t* address) const;
    template <uint32_t kAddressBytes>
    uint32_t finish(const Step& at, const uint8_t* address) const;
    template <uint32_t kPlaces>
    uint32_t in_cell(const Step& at, uint32_t word) const;
    void fetch_lines(uint32_t slot) const;
    void prefetch(uint32_t slot) const;
    uint64_t ask_value(uint32_t entry) const;

    Table first_table(const LpmKey& key) const;
    Table inside(const Table& table, const LpmKey& key) const;
    uint32_t index_in(const Table& table, const uint64_t* words) const;
    std::atomic<uint32_t>& slot_in(const Table& table, uint32_t index) const;
    uint32_t level_entry(uint32_t slot, uint32_t bits) const;
    uint32_t trie_slot(uint32_t entry, uint32_t top, uint32_t bits) const;
    uint32_t plain_slot(uint32_t entry, uint32_t top, uint32_t bits);
    LpmCellPrefix cell_prefix(uint32_t entry, uint32_t bits) const;
    uint32_t changed_cell(uint32_t slot, uint32_t top, uint32_t bits, const LpmChange& change);
    uint32_t changed_slot(uint32_t slot, uint32_t top, uint32_t bits, const LpmChange& change);
    bool deserves_block(uint32_t top, uint32_t bits) const;
    uint32_t built(uint32_t best, uint32_t top, uint32_t bits);
    void draw(uint32_t* slots, uint32_t node, uint32_t cover, uint32_t upper_bits);
    uint32_t top_at(Redraw& redraw, uint32_t bits) const;
    void note_short(const LpmChange& change);
    bool descend(Table& table, Redraw& redraw);
    void sweep(Table& table, Redraw& redraw);
    bool put_slot(Table& table, uint32_t index, uint32_t slot);
    bool commit(Table& table, const uint32_t* slots);
    void copy_slots(const Table& table, uint32_t* slots) const;
    uint32_t swept(uint32_t slot, uint32_t from, uint32_t to, uint32_t bits);
    void drop(uint32_t slot);

    LpmLayout layout_;
    Direct direct_;
    // Of LpmLayout::Wide, writers only.
    uint32_t* tops_;    ///< the topmost node of each area of 16 bits,
    uint32_t* covers_;  ///< and the longest entry of 9 to 15 bits that covers it
    LpmTrie& trie_;
    LpmNodes& nodes_;
    LpmBlocks blocks_;
};

}  // namespace weir::maps
