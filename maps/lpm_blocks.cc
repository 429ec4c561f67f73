#include "maps/lpm_blocks.h"

#include <algorithm>
#include <cstddef>

#include "maps/words.h"

namespace weir::maps {
namespace {

constexpr uint32_t kUnits[LpmBlocks::kSizes] = {1, 2, 4, 17};
constexpr uint32_t kFullSize = 3;

constexpr uint32_t slots_of(uint32_t size) {
    return (kUnits[size] * kLpmUnitBytes - static_cast<uint32_t>(sizeof(LpmBlock))) /
           static_cast<uint32_t>(sizeof(uint32_t));
}
static_assert(sizeof(LpmBlock) == 40);
static_assert(slots_of(kFullSize) >= kLpmSlots);

constexpr uint32_t kFirstUnit = 4;  ///< number 0 means none; blocks of 2 and 4 units stay aligned

uint32_t size_for(uint32_t runs) {
    uint32_t size = 0;
    while (size < kFullSize && slots_of(size) < runs) ++size;
    return size;
}

uint64_t blocks_bytes(uint32_t chunks) {
    const uint64_t units = uint64_t{chunks} * LpmBlocks::kChunkUnits + kFirstUnit;
    return round_up_to(units * kLpmUnitBytes, 4096);
}

}  // namespace

uint64_t LpmBlocks::bytes_needed(uint32_t chunks) {
    return blocks_bytes(chunks) + (uint64_t{chunks} * kChunkUnits + kFirstUnit) * sizeof(Side);
}

LpmBlocks::LpmBlocks(uint8_t* memory, uint32_t chunks)
    : memory_(memory),
      side_(reinterpret_cast<Side*>(memory + blocks_bytes(chunks))),
      chunks_(chunks),
      idle_count_(chunks) {
    for (uint32_t chunk = chunks; chunk > 0; --chunk) push(idle_, chunk - 1);
}

void LpmBlocks::push(uint32_t& list, uint32_t chunk) {
    chunks_[chunk].previous = 0;
    chunks_[chunk].next = list;
    if (list != 0) chunks_[list - 1].previous = chunk + 1;
    list = chunk + 1;
}

void LpmBlocks::unlink(uint32_t& list, uint32_t chunk) {
    const Chunk& gone = chunks_[chunk];
    (gone.previous != 0 ? chunks_[gone.previous - 1].next : list) = gone.next;
    if (gone.next != 0) chunks_[gone.next - 1].previous = gone.previous;
}

bool LpmBlocks::is_full(const Chunk& chunk) const {
    return chunk.used == kChunkUnits / kUnits[chunk.size];
}

uint32_t LpmBlocks::take(uint32_t size, uint32_t spare) {
    uint32_t& list = with_room_[size];
    if (list == 0) {
        if (idle_count_ <= spare) collect();
        if (list == 0 && idle_count_ <= spare) return kNoBlock;
    }
    if (list == 0) {
        const uint32_t chunk = idle_ - 1;
        unlink(idle_, chunk);
        --idle_count_;
        chunks_[chunk] = {.size = size};
        push(list, chunk);
    }
    const uint32_t index = list - 1;
    Chunk& chunk = chunks_[index];
    uint32_t block = chunk.free;
    if (block != kNoBlock) {
        chunk.free = side_[block].link;
    } else {
        block = kFirstUnit + index * kChunkUnits + chunk.fresh++ * kUnits[size];
    }
    ++chunk.used;
    if (is_full(chunk)) unlink(list, index);
    used_units_.store(used_units_.load(std::memory_order_relaxed) + kUnits[size],
                      std::memory_order_relaxed);
    return block;
}

void LpmBlocks::give_back(uint32_t block) {
    const uint32_t index = (block - kFirstUnit) / kChunkUnits;
    Chunk& chunk = chunks_[index];
    if (is_full(chunk)) push(with_room_[chunk.size], index);
    side_[block].link = chunk.free;
    chunk.free = block;
    used_units_.store(used_units_.load(std::memory_order_relaxed) - kUnits[chunk.size],
                      std::memory_order_relaxed);
    if (--chunk.used > 0) return;
    unlink(with_room_[chunk.size], index);
    push(idle_, index);
    ++idle_count_;
}

void LpmBlocks::collect() {
    grace_.collect([this](uint32_t block) -> uint32_t& { return side_[block].link; },
                   [this](uint32_t block) { give_back(block); });
}

void LpmBlocks::retire(uint32_t block) {
    if (grace_.add(block, [this](uint32_t b) -> uint32_t& { return side_[b].link; })) collect();
}

uint32_t LpmBlocks::make(const uint32_t* slots, uint32_t best, uint32_t top, uint32_t spare) {
    uint64_t starts[4] = {1, 0, 0, 0};
    for (uint32_t i = 1; i < kLpmSlots; ++i)
        starts[i / 64] |= uint64_t{slots[i] != slots[i - 1]} << i % 64;
    uint32_t runs = 0;
    uint8_t before[4];
    for (uint32_t word = 0; word < 4; ++word) {
        before[word] = static_cast<uint8_t>(runs);
        runs += static_cast<uint32_t>(std::popcount(starts[word]));
    }
    const uint32_t size = size_for(runs);
    const uint32_t made = take(size, spare);
    if (made == kNoBlock) return 0;
    LpmBlock& block = at(made);
    side_[made].top = top;
    block.best.store(best, std::memory_order_relaxed);
    if (size == kFullSize) {
        for (uint32_t i = 0; i < kLpmSlots; ++i)
            block.slots[i].store(slots[i], std::memory_order_relaxed);
        return make_slot(LpmSlotKind::Full, made);
    }
    std::copy_n(starts, 4, block.starts);
    std::copy_n(before, 4, block.runs_before);
    for (uint32_t i = 0, run = 0; i < kLpmSlots; ++i) {
        if ((starts[i / 64] >> i % 64 & 1) != 0)
            block.slots[run++].store(slots[i], std::memory_order_relaxed);
    }
    return make_slot(LpmSlotKind::Runs, made);
}

namespace {

template <uint32_t kPlaces>
void write_cell(LpmCell<kPlaces>& cell, std::span<const LpmCellPrefix> prefixes, uint32_t best) {
    cell.best.store(best, std::memory_order_relaxed);
    const size_t unused = kPlaces - prefixes.size();
    for (size_t i = 0; i < kPlaces; ++i) {
        const LpmCellPrefix prefix =
            i < unused ? LpmCellPrefix{0, kLpmCellBits, 0} : prefixes[i - unused];
        cell.bits[i] = prefix.bits;
        cell.entries[i] = prefix.entry;
        cell.masks[i] = ~0u << (kLpmCellBits - prefix.length);
    }
}

template <uint32_t kPlaces>
uint32_t read_places(const LpmCell<kPlaces>& cell, std::span<LpmCellPrefix> prefixes) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < kPlaces; ++i) {
        if (cell.entries[i] != 0)
            prefixes[count++] = {.bits = cell.bits[i],
                                 .length = static_cast<uint32_t>(std::popcount(cell.masks[i])),
                                 .entry = cell.entries[i]};
    }
    return count;
}

}  // namespace

uint32_t LpmBlocks::make_cell(std::span<const LpmCellPrefix> prefixes, uint32_t best, uint32_t top,
                              uint32_t spare) {
    const size_t count = prefixes.size();
    const uint32_t size = count <= 4 ? 0 : count <= 8 ? 1 : 2;
    const uint32_t made = take(size, spare);
    if (made == kNoBlock) return 0;
    side_[made].top = top;
    if (size == 0) write_cell(cell<4>(made), prefixes, best);
    if (size == 1) write_cell(cell<8>(made), prefixes, best);
    if (size == 2) write_cell(cell<20>(made), prefixes, best);
    constexpr LpmSlotKind kKinds[] = {LpmSlotKind::Cell4, LpmSlotKind::Cell8, LpmSlotKind::Cell20};
    return make_slot(kKinds[size], made);
}

uint32_t LpmBlocks::read_cell(uint32_t slot,
                              std::span<LpmCellPrefix, kLpmCellPrefixes> prefixes) const {
    const uint32_t number = slot_number(slot);
    if (slot_kind(slot) == LpmSlotKind::Cell4) return read_places(cell<4>(number), prefixes);
    if (slot_kind(slot) == LpmSlotKind::Cell8) return read_places(cell<8>(number), prefixes);
    return read_places(cell<20>(number), prefixes);
}

}  // namespace weir::maps
