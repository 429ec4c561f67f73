#pragma once
// Blocks of an LPM look-up structure: what the next eight bits of an address lead to. 256 slots
// with runs of equal ones written once: a bitmap of where runs begin, the count of runs before each
// of its words, and a slot for each run (as in Asai & Ohara, "Poptrie", SIGCOMM 2015). Up to six
// runs share a cache line with the bitmap. Blocks of many runs have all 256 slots instead.
//
// Cells take the place of blocks where few prefixes lie: a list of these, to be compared one after
// the other.
//
// Memory is one pool in chunks of one block size each, so that a chunk whose blocks are all free
// can serve another size.

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include <atomic>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "maps/lpm_grace.h"

namespace weir::maps {

constexpr uint32_t kLpmSlots = 256;
constexpr uint32_t kLpmUnitBytes = 64;  ///< blocks are numbered by where they begin, in such units
constexpr uint32_t kNoBlock = 0;

/// What a slot leads to: a kind in three bits, a number in the others. Zero: nothing.
enum class LpmSlotKind : uint32_t {
    Entry,  ///< of the trie
    Runs,   ///< a block, its runs
    Full,   ///< a block, all slots
    Cell4,  ///< a cell of so many places
    Cell8,
    Cell20,
    Subtree  ///< a node of the trie, to go on from
};
constexpr uint32_t kLpmNumberBits = 29;
constexpr uint32_t kLpmNumberMax = (1u << kLpmNumberBits) - 1;

constexpr LpmSlotKind slot_kind(uint32_t slot) {
    return static_cast<LpmSlotKind>(slot >> kLpmNumberBits);
}
constexpr uint32_t slot_number(uint32_t slot) {
    return slot & kLpmNumberMax;
}
constexpr uint32_t make_slot(LpmSlotKind kind, uint32_t number) {
    return static_cast<uint32_t>(kind) << kLpmNumberBits | number;
}
constexpr bool is_block(uint32_t slot) {
    return slot_kind(slot) == LpmSlotKind::Runs || slot_kind(slot) == LpmSlotKind::Full;
}

constexpr bool is_cell(uint32_t slot) {
    return slot_kind(slot) >= LpmSlotKind::Cell4 && slot_kind(slot) <= LpmSlotKind::Cell20;
}
constexpr bool has_memory(uint32_t slot) {
    return is_block(slot) || is_cell(slot);
}

/// starts and runs_before are written before the block is published; best and slots at any time,
/// each by one store.
struct LpmBlock {
    uint64_t starts[4];  ///< bit i: slot i begins a run; bit 0 is always set
    uint8_t runs_before[4];
    std::atomic<uint32_t> best;  ///< the entry of the slot that leads here; 0: look further up
    std::atomic<uint32_t> slots[];

    /// Where slot `index` of a block of runs is.
    uint32_t run_of(uint32_t index) const {
        const uint32_t word = index / 64;
        const uint64_t upto = starts[word] << (63 - index % 64);
        return runs_before[word] + static_cast<uint32_t>(std::popcount(upto)) - 1;
    }
};

/// A prefix in a cell, by the bits that follow those of the cell's area.
struct LpmCellPrefix {
    uint32_t bits;    ///< from bit 31 on; zeroes behind the length
    uint32_t length;  ///< 1 to kLpmCellBits
    uint32_t entry;
};
constexpr uint32_t kLpmCellBits = 32;

/// A cell of kPlaces prefixes; places of no use come first and have entry 0, then shorter prefixes
/// before longer ones. Everything but best is written before the cell is published.
template <uint32_t kPlaces>
struct LpmCell {
    std::atomic<uint32_t> best;  ///< as LpmBlock::best
    uint32_t entries[kPlaces];
    uint32_t bits[kPlaces];
    uint32_t masks[kPlaces];

    /// The longest prefix that `word` begins with, or 0. Looks at all, which costs less than
    /// guessing wrong where to end.
    uint32_t find(uint32_t word) const {
        uint32_t matches = 0;
        for (uint32_t i = 0; i < kPlaces; i += 4) matches |= matches_of_four(word, i) << i;
        return matches != 0 ? entries[std::bit_width(matches) - 1] : 0;
    }
    uint32_t matches_of_four(uint32_t word, uint32_t at) const {
#if defined(__x86_64__)
        const auto load = [at](const uint32_t* from) {
            return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
        };
        const __m128i wanted = _mm_set1_epi32(static_cast<int>(word));
        const __m128i apart = _mm_and_si128(_mm_xor_si128(wanted, load(bits)), load(masks));
        const __m128i same = _mm_cmpeq_epi32(apart, _mm_setzero_si128());
        return static_cast<uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(same)));
#else
        uint32_t matches = 0;
        for (uint32_t i = 0; i < 4; ++i)
            matches |= uint32_t{((word ^ bits[at + i]) & masks[at + i]) == 0} << i;
        return matches;
#endif
    }
};
constexpr uint32_t kLpmCellPrefixes = 20;
static_assert(sizeof(LpmCell<4>) <= 64 && sizeof(LpmCell<8>) <= 128 && sizeof(LpmCell<20>) <= 256);

/// Threads: at() anyone; used_bytes() anyone; the others under the map's writer lock.
class LpmBlocks {
public:
    static constexpr uint32_t kChunkUnits = 68;  ///< divides into blocks of 1, 2, 4 and 17 units
    static constexpr uint32_t kSizes = 4;
    static uint64_t bytes_needed(uint32_t chunks);

    /// In zeroed memory of bytes_needed(), aligned to 64.
    LpmBlocks(uint8_t* memory, uint32_t chunks);

    LpmBlock& at(uint32_t block) const {
        return *reinterpret_cast<LpmBlock*>(memory_ + uint64_t{block} * kLpmUnitBytes);
    }
    template <uint32_t kPlaces>
    LpmCell<kPlaces>& cell(uint32_t block) const {
        return reinterpret_cast<LpmCell<kPlaces>&>(at(block));
    }
    /// Of a slot that has memory.
    std::atomic<uint32_t>& best(uint32_t slot) const {
        const uint32_t number = slot_number(slot);
        return is_cell(slot) ? cell<4>(number).best : at(number).best;
    }
    /// The topmost node of the trie that lies in the area of the block or cell.
    uint32_t& top(uint32_t block) const { return side_[block].top; }

    /// The slot that leads to a new block with these 256 slots; 0 when memory is short. `spare`:
    /// chunks that shall be left.
    uint32_t make(const uint32_t* slots, uint32_t best, uint32_t top, uint32_t spare);
    /// The same for a cell with these prefixes, at most kLpmCellPrefixes, shorter ones first.
    uint32_t make_cell(std::span<const LpmCellPrefix> prefixes, uint32_t best, uint32_t top,
                       uint32_t spare);
    /// What is in a cell; the count.
    uint32_t read_cell(uint32_t slot, std::span<LpmCellPrefix, kLpmCellPrefixes> prefixes) const;
    /// Out of sight of new readers: free again after a grace period.
    void retire(uint32_t block);

    uint64_t used_bytes() const {
        return used_units_.load(std::memory_order_relaxed) * kLpmUnitBytes;
    }
    uint32_t chunks() const { return static_cast<uint32_t>(chunks_.size()); }

private:
    /// Of a block; kept apart from what readers read.
    struct Side {
        uint32_t top;
        uint32_t link;
    };
    struct Chunk {
        uint32_t size = 0;
        uint32_t used = 0;
        uint32_t fresh = 0;        ///< blocks from here on were never used since the size was set
        uint32_t free = kNoBlock;  ///< chain of blocks
        uint32_t next = 0;         ///< in the list of its size, or of idle chunks; index + 1
        uint32_t previous = 0;
    };

    uint32_t take(uint32_t size, uint32_t spare);
    void give_back(uint32_t block);
    void collect();
    bool is_full(const Chunk& chunk) const;
    void push(uint32_t& list, uint32_t chunk);
    void unlink(uint32_t& list, uint32_t chunk);

    uint8_t* memory_;
    Side* side_;
    std::vector<Chunk> chunks_;
    uint32_t with_room_[kSizes] = {};  ///< chunks of each size with a free block
    uint32_t idle_ = 0;                ///< chunks without a size
    uint32_t idle_count_ = 0;
    LpmGrace grace_;
    std::atomic<uint64_t> used_units_{0};
};

}  // namespace weir::maps
