#include "maps/lpm_fib.h"

#include <algorithm>
#include <bit>

#include "vm/base/check.h"

namespace weir::maps {
namespace {

/// From here on a map has the direct table of 24 bits: 64 MiB, at most 1 KiB an entry.
constexpr uint32_t kWideEntriesMin = 65536;
constexpr uint32_t kPairEntriesMin = 256;
constexpr uint32_t kPairSlots = 1u << 16;
constexpr uint32_t kWideSlots = 1u << 24;
/// A block that has become as empty as this goes.
constexpr uint32_t kFewLeft = 9;
/// So many prefixes are left to the trie where some are too long for a cell.
constexpr uint32_t kFewDeep = 2;
/// Each block that would only pass others on doubles what it takes to build it, up to here.
constexpr uint32_t kPassesCounted = 3;
static_assert((kLpmCellPrefixes << kPassesCounted) < LpmTrie::kGatherMax);
/// Chunks that no new block may take, so that those which are there can grow.
constexpr uint32_t kChunksSpare = 3;

}  // namespace

LpmFib::Shape LpmFib::shape_for(uint32_t entries_max, uint32_t address_bytes) {
    constexpr uint64_t kChunkBytes = LpmBlocks::kChunkUnits * kLpmUnitBytes;
    const bool wide = entries_max >= kWideEntriesMin && address_bytes >= 4;
    const bool pair = entries_max >= kPairEntriesMin && address_bytes >= 2;
    // In IPv4 the wide table leaves little to blocks.
    const uint64_t bytes_per_entry = wide && address_bytes == 4 ? 4 : 64;
    const uint64_t chunks = entries_max * bytes_per_entry / kChunkBytes + 8;
    // Beyond, areas are left to the trie: block numbers have 30 bits.
    constexpr uint64_t kChunksMax = kLpmNumberMax / LpmBlocks::kChunkUnits;
    return {.layout = wide   ? LpmLayout::Wide
                      : pair ? LpmLayout::Pair
                             : LpmLayout::Byte,
            .chunks = static_cast<uint32_t>(std::min(chunks, kChunksMax))};
}

uint64_t LpmFib::direct_bytes(LpmLayout layout) {
    switch (layout) {
        case LpmLayout::Byte: return kLpmSlots * sizeof(uint32_t);
        case LpmLayout::Pair: return (kPairSlots + kLpmSlots) * sizeof(uint32_t);
        case LpmLayout::Wide:
            return (uint64_t{kWideSlots} + 2 * kPairSlots + kLpmSlots) * sizeof(uint32_t);
    }
    return 0;
}

uint64_t LpmFib::bytes_needed(const Shape& shape) {
    return direct_bytes(shape.layout) + LpmBlocks::bytes_needed(shape.chunks);
}

/// The wide table comes first, so that huge pages hold nothing else.
LpmFib::LpmFib(uint8_t* memory, const Shape& shape, LpmTrie& trie, LpmNodes& nodes)
    : layout_(shape.layout),
      direct_{.root = reinterpret_cast<std::atomic<uint32_t>*>(memory), .wide = nullptr},
      tops_(nullptr),
      covers_(nullptr),
      trie_(trie),
      nodes_(nodes),
      blocks_(memory + direct_bytes(shape.layout), shape.chunks) {
    if (layout_ == LpmLayout::Byte) return;
    direct_.wide = direct_.root;
    direct_.root = direct_.wide + (layout_ == LpmLayout::Wide ? kWideSlots : kPairSlots);
    if (layout_ == LpmLayout::Pair) return;
    tops_ = reinterpret_cast<uint32_t*>(direct_.root + kLpmSlots);
    covers_ = tops_ + kPairSlots;
}

vm::PrefixLayout LpmFib::layout_of_tables() const {
    static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
    const bool two = layout_ != LpmLayout::Byte;
    vm::PrefixLayout layout;
    layout.table_bits = layout_ == LpmLayout::Wide ? 24 : two ? 16 : 8;
    layout.table = reinterpret_cast<const uint32_t*>(two ? direct_.wide : direct_.root);
    layout.root = two ? reinterpret_cast<const uint32_t*>(direct_.root) : nullptr;
    layout.entry_max = make_slot(LpmSlotKind::Entry, kLpmNumberMax);
    return layout;
}

// -- tables
// -------------------------------------------------------------------------------------------

/// The direct table that holds the key's own length, or leads on to it.
LpmFib::Table LpmFib::first_table(const LpmKey& key) const {
    Table table{
        .slots = direct_.root, .own = nullptr, .block = kNoBlock, .lower_bits = 0, .upper_bits = 8};
    if (layout_ == LpmLayout::Byte || key.prefix_bits <= 8) return table;
    table.lower_bits = 8;
    table.upper_bits = layout_ == LpmLayout::Wide ? 24 : 16;
    table.slots = direct_.wide + (key.words[0] >> 56 << (table.upper_bits - 8));
    return table;
}

/// The block that the key's slot leads to.
LpmFib::Table LpmFib::inside(const Table& table, const LpmKey& key) const {
    std::atomic<uint32_t>& own = slot_in(table, index_in(table, key.words.data()));
    const uint32_t slot = own.load(std::memory_order_relaxed);
    const uint32_t block = slot_number(slot);
    return {.slots = slot_kind(slot) == LpmSlotKind::Full ? blocks_.at(block).slots : nullptr,
            .own = &own,
            .block = block,
            .lower_bits = table.upper_bits,
            .upper_bits = table.upper_bits + 8};
}

uint32_t LpmFib::index_in(const Table& table, const uint64_t* words) const {
    if (table.upper_bits - table.lower_bits == 16)
        return static_cast<uint32_t>(words[0] >> (64 - table.upper_bits) & 0xffff);
    return address_byte(words, table.upper_bits / 8 - 1);
}

std::atomic<uint32_t>& LpmFib::slot_in(const Table& table, uint32_t index) const {
    if (table.slots != nullptr) return table.slots[index];
    LpmBlock& block = blocks_.at(table.block);
    return block.slots[block.run_of(index)];
}

void LpmFib::copy_slots(const Table& table, uint32_t* slots) const {
    const LpmBlock& block = blocks_.at(table.block);
    for (uint32_t i = 0, next = 0, value = 0; i < kLpmSlots; ++i) {
        if ((block.starts[i / 64] >> i % 64 & 1) != 0)
            value = block.slots[next++].load(std::memory_order_relaxed);
        slots[i] = value;
    }
}

/// Makes a block of runs hold these slots: in place where no run has to be parted, else in a new
/// one. Without memory for that its area is left to the trie, and the answer is false.
bool LpmFib::commit(Table& table, const uint32_t* slots) {
    LpmBlock& block = blocks_.at(table.block);
    const auto starts = [&block](uint32_t i) { return (block.starts[i / 64] >> i % 64 & 1) != 0; };
    bool fits = true;
    for (uint32_t i = 1; i < kLpmSlots; ++i) fits &= starts(i) || slots[i] == slots[i - 1];
    if (fits) {
        for (uint32_t i = 0, run = 0; i < kLpmSlots; ++i) {
            if (!starts(i)) continue;
            if (block.slots[run].load(std::memory_order_relaxed) != slots[i])
                block.slots[run].store(slots[i], std::memory_order_release);
            ++run;
        }
        return true;
    }
    const uint32_t best = block.best.load(std::memory_order_relaxed);
    const uint32_t top = blocks_.top(table.block);
    const uint32_t made = blocks_.make(slots, best, top, 0);
    if (made == 0) {
        const uint32_t old = table.own->load(std::memory_order_relaxed);
        table.own->store(trie_slot(best, top, table.lower_bits), std::memory_order_release);
        drop(old);
        return false;
    }
    table.own->store(made, std::memory_order_release);
    blocks_.retire(table.block);
    table.block = slot_number(made);
    if (slot_kind(made) == LpmSlotKind::Full) table.slots = blocks_.at(table.block).slots;
    return true;
}

/// False when the table is gone (commit).
bool LpmFib::put_slot(Table& table, uint32_t index, uint32_t slot) {
    if (table.slots != nullptr) {
        table.slots[index].store(slot, std::memory_order_release);
        return true;
    }
    std::array<uint32_t, kLpmSlots> slots;
    copy_slots(table, slots.data());
    slots[index] = slot;
    return commit(table, slots.data());
}

/// What a slot that is gone led to, with all below.
void LpmFib::drop(uint32_t slot) {
    if (is_cell(slot)) blocks_.retire(slot_number(slot));
    if (!is_block(slot)) return;
    const LpmBlock& block = blocks_.at(slot_number(slot));
    const bool full = slot_kind(slot) == LpmSlotKind::Full;
    const uint32_t slots = full ? kLpmSlots : block.run_of(kLpmSlots - 1) + 1;
    for (uint32_t i = 0; i < slots; ++i) drop(block.slots[i].load(std::memory_order_relaxed));
    blocks_.retire(slot_number(slot));
}

// -- drawing
// ------------------------------------------------------------------------------------------

/// The entry that a slot of a table up to `bits` bits holds itself.
uint32_t LpmFib::level_entry(uint32_t slot, uint32_t bits) const {
    const uint32_t number = slot_number(slot);
    if (has_memory(slot)) return blocks_.best(slot).load(std::memory_order_relaxed);
    if (slot_kind(slot) == LpmSlotKind::Entry) return number;
    return nodes_.is_entry(number) && nodes_.at(number).prefix_bits <= bits ? number : kNoNode;
}

/// A slot that leaves its area to the trie, if anything is in it: `entry` is its own, `top` the
/// topmost node of the area.
uint32_t LpmFib::trie_slot(uint32_t entry, uint32_t top, uint32_t bits) const {
    const bool leads_on = top != kNoNode && trie_.holds_more(top, bits, 0);
    if (!leads_on) return make_slot(LpmSlotKind::Entry, entry);
    return make_slot(LpmSlotKind::Subtree, entry != kNoNode ? entry : top);
}

/// An entry as it stands in a cell for areas of `bits` bits; a length above kLpmCellBits does not
/// fit.
LpmCellPrefix LpmFib::cell_prefix(uint32_t entry, uint32_t bits) const {
    const LpmNode& node = nodes_.at(entry);
    const uint32_t length = node.prefix_bits - bits;
    if (length > kLpmCellBits) return {.bits = 0, .length = length, .entry = entry};
    const uint32_t shift = bits % 64;
    uint64_t word = node.words[bits / 64] << shift;
    if (shift + length > 64) word |= node.words[bits / 64 + 1] >> (64 - shift);
    const uint32_t behind = kLpmCellBits - length;
    const auto shown = static_cast<uint32_t>(word >> 32);
    return {.bits = shown >> behind << behind, .length = length, .entry = entry};
}

/// As trie_slot, with a cell where few enough are in the area.
uint32_t LpmFib::plain_slot(uint32_t entry, uint32_t top, uint32_t bits) {
    std::array<uint32_t, kLpmCellPrefixes + 1> entries;
    const uint32_t count = top != kNoNode ? trie_.gather(top, bits, entries) : 0;
    if (count == 0 || count > kLpmCellPrefixes) return trie_slot(entry, top, bits);
    std::array<LpmCellPrefix, kLpmCellPrefixes> prefixes;
    for (uint32_t i = 0; i < count; ++i) {
        prefixes[i] = cell_prefix(entries[i], bits);
        if (prefixes[i].length > kLpmCellBits) return trie_slot(entry, top, bits);
    }
    std::sort(prefixes.begin(), prefixes.begin() + count,
              [](const auto& a, const auto& b) { return a.length < b.length; });
    const uint32_t made = blocks_.make_cell({prefixes.data(), count}, entry, top, kChunksSpare);
    return made != 0 ? made : trie_slot(entry, top, bits);
}

/// The cell of a slot after the change, made from what it held; 0 where that is not possible.
uint32_t LpmFib::changed_cell(uint32_t slot, uint32_t top, uint32_t bits, const LpmChange& change) {
    std::array<LpmCellPrefix, kLpmCellPrefixes + 1> prefixes;
    uint32_t count = blocks_.read_cell(slot, std::span(prefixes).first<kLpmCellPrefixes>());
    if (change.before != kNoNode) {
        const auto same = [&](const auto& prefix) { return prefix.entry == change.before; };
        const auto end = std::remove_if(prefixes.begin(), prefixes.begin() + count, same);
        count = static_cast<uint32_t>(end - prefixes.begin());
    }
    if (change.after != kNoNode) {
        const LpmCellPrefix added = cell_prefix(change.after, bits);
        if (added.length > kLpmCellBits) return 0;
        uint32_t at = count++;
        for (; at > 0 && prefixes[at - 1].length > added.length; --at)
            prefixes[at] = prefixes[at - 1];
        prefixes[at] = added;
    }
    if (count == 0 || count > kLpmCellPrefixes) return 0;
    return blocks_.make_cell({prefixes.data(), count}, level_entry(slot, bits), top, kChunksSpare);
}

/// What becomes of a slot without a block when something longer changes in its area.
uint32_t LpmFib::changed_slot(uint32_t slot, uint32_t top, uint32_t bits, const LpmChange& change) {
    const uint32_t cell = is_cell(slot) ? changed_cell(slot, top, bits, change) : 0;
    if (cell != 0) return cell;
    const uint32_t entry = level_entry(slot, bits);
    const uint32_t block = deserves_block(top, bits) ? built(entry, top, bits) : 0;
    return block != 0 ? block : plain_slot(entry, top, bits);
}

bool LpmFib::deserves_block(uint32_t top, uint32_t bits) const {
    if (top == kNoNode) return false;
    const uint32_t top_bits = nodes_.at(top).prefix_bits;
    const uint32_t passes = top_bits > bits ? (top_bits - bits - 1) / 8 : 0;
    const uint32_t few = kLpmCellPrefixes << std::min(passes, kPassesCounted);
    std::array<uint32_t, LpmTrie::kGatherMax> entries;
    const uint32_t count = trie_.gather(top, bits, {entries.data(), few + 1});
    if (count > few) return true;
    // Prefixes too long for a cell lie deeper than others, or the trie finds them as soon.
    const auto is_deep = [&](uint32_t entry) {
        return nodes_.at(entry).prefix_bits > bits + kLpmCellBits;
    };
    return passes == 0 && count > kFewDeep &&
           std::any_of(entries.begin(), entries.begin() + count, is_deep);
}

/// Slots of the level up to `upper_bits`, from the node down; `cover` is the entry of this level
/// above it.
void LpmFib::draw(uint32_t* slots, uint32_t at, uint32_t cover, uint32_t upper_bits) {
    const LpmNode& node = nodes_.at(at);
    const uint32_t bits = node.prefix_bits;
    const uint32_t index = address_byte(node.words, upper_bits / 8 - 1);
    if (nodes_.is_entry(at) && bits > upper_bits - 8 && bits <= upper_bits) {
        const uint32_t count = 1u << (upper_bits - bits);
        std::fill_n(slots + (index & ~(count - 1)), count, make_slot(LpmSlotKind::Entry, at));
        cover = at;
    }
    if (bits >= upper_bits) {
        slots[index] = plain_slot(cover, at, upper_bits);
        return;
    }
    for (const auto& child : node.child) {
        const uint32_t next = child.load(std::memory_order_relaxed);
        if (next != kNoNode) draw(slots, next, cover, upper_bits);
    }
}

/// A block for the area of `bits` bits below `top`, or 0 without memory. It leads to no blocks yet.
uint32_t LpmFib::built(uint32_t best, uint32_t top, uint32_t bits) {
    std::array<uint32_t, kLpmSlots> slots{};
    draw(slots.data(), top, kNoNode, bits + 8);
    const uint32_t made = blocks_.make(slots.data(), best, top, kChunksSpare);
    if (made == 0) std::ranges::for_each(slots, [this](uint32_t slot) { drop(slot); });
    return made;
}

/// The topmost node of the key's area of `bits` bits, after the change. For areas above the anchor
/// ask their blocks.
uint32_t LpmFib::top_at(Redraw& redraw, uint32_t bits) const {
    const uint32_t top = trie_.topmost(redraw.at, redraw.change.key->words.data(), bits);
    if (top != kNoNode) redraw.at = top;
    return top;
}

/// Redraws the slot of the key, which is longer than this level. True: the table has become the
/// block below, which is to be redrawn too.
bool LpmFib::descend(Table& table, Redraw& redraw) {
    const LpmKey& key = *redraw.change.key;
    const uint32_t bits = table.upper_bits;
    const uint32_t index = index_in(table, key.words.data());
    const uint32_t slot = slot_in(table, index).load(std::memory_order_relaxed);
    if (is_block(slot)) {
        uint32_t& top = blocks_.top(slot_number(slot));
        if (bits > redraw.anchor_bits) top = top_at(redraw, bits);
        const bool removed = redraw.change.after == kNoNode;
        if (removed && (top == kNoNode || !trie_.holds_more(top, bits, kFewLeft))) {
            // The block's slot is a run of its own, so that this is one store in place.
            slot_in(table, index)
                .store(plain_slot(level_entry(slot, bits), top, bits), std::memory_order_release);
            drop(slot);
            return false;
        }
    } else {
        const uint32_t made = changed_slot(slot, top_at(redraw, bits), bits, redraw.change);
        const bool placed = made == slot || put_slot(table, index, made);
        drop(placed ? slot : made);
        if (!placed || !is_block(made)) return false;
    }
    table = inside(table, key);
    return true;
}

/// What becomes of a slot of the level whose own entry may have changed. 0 with a subtree: its top
/// is to be looked for.
uint32_t LpmFib::swept(uint32_t slot, uint32_t from, uint32_t to, uint32_t bits) {
    if (level_entry(slot, bits) != from) return slot;
    if (has_memory(slot)) {
        blocks_.best(slot).store(to, std::memory_order_release);
        return slot;
    }
    if (slot_kind(slot) == LpmSlotKind::Entry) return make_slot(LpmSlotKind::Entry, to);
    return to != kNoNode ? make_slot(LpmSlotKind::Subtree, to) : 0;
}

/// Redraws the level that the key's length belongs to: slots that showed the entry of this prefix,
/// or the one that covers it.
void LpmFib::sweep(Table& table, Redraw& redraw) {
    const LpmChange& change = redraw.change;
    const LpmKey& key = *change.key;
    const uint32_t bits = table.upper_bits;
    const bool covered =
        change.cover != kNoNode &&
        (nodes_.at(change.cover).prefix_bits > table.lower_bits || table.lower_bits == 0);
    const uint32_t cover = covered ? change.cover : kNoNode;
    const uint32_t from = change.before != kNoNode ? change.before : cover;
    const uint32_t to = change.after != kNoNode ? change.after : cover;
    const uint32_t count = 1u << (bits - key.prefix_bits);
    const uint32_t begin = index_in(table, key.words.data()) & ~(count - 1);
    LpmKey area = key;
    const auto redrawn = [&](uint32_t slot, uint32_t index) {
        const uint32_t made = swept(slot, from, to, bits);
        if (made != 0 || slot_kind(slot) != LpmSlotKind::Subtree) return made;
        const uint32_t shift = 64 - bits % 64 - (bits % 64 == 0 ? 64 : 0);
        const uint64_t mask = uint64_t{table.upper_bits - table.lower_bits == 16 ? 0xffffu : 0xffu};
        uint64_t& word = area.words[(bits - 1) / 64];
        word = (word & ~(mask << shift)) | uint64_t{index} << shift;
        return trie_slot(kNoNode, trie_.topmost(change.anchor, area.words.data(), bits), bits);
    };
    if (table.slots != nullptr) {
        for (uint32_t i = begin; i < begin + count; ++i) {
            const uint32_t slot = table.slots[i].load(std::memory_order_relaxed);
            const bool is_entry = slot_kind(slot) == LpmSlotKind::Entry;
            const uint32_t made = is_entry ? (slot == from ? to : slot) : redrawn(slot, i);
            if (made != slot) table.slots[i].store(made, std::memory_order_release);
        }
    } else {
        std::array<uint32_t, kLpmSlots> slots;
        copy_slots(table, slots.data());
        for (uint32_t i = begin; i < begin + count; ++i) slots[i] = redrawn(slots[i], i);
        if (!commit(table, slots.data())) return;
    }
    if (key.prefix_bits != bits) return;
    const uint32_t slot = slot_in(table, begin).load(std::memory_order_relaxed);
    if (has_memory(slot)) blocks_.top(slot_number(slot)) = top_at(redraw, bits);
}

/// Of LpmLayout::Wide: keeps covers_.
void LpmFib::note_short(const LpmChange& change) {
    const LpmKey& key = *change.key;
    if (key.prefix_bits <= 8 || key.prefix_bits > 15) return;
    const bool covered = change.cover != kNoNode && nodes_.at(change.cover).prefix_bits > 8;
    const uint32_t cover = covered ? change.cover : kNoNode;
    const uint32_t from = change.before != kNoNode ? change.before : cover;
    const uint32_t to = change.after != kNoNode ? change.after : cover;
    const uint64_t count = uint64_t{1} << (16 - key.prefix_bits);
    const uint64_t begin = key.words[0] >> 48 & ~(count - 1);
    std::replace(covers_ + begin, covers_ + begin + count, from, to);
}

void LpmFib::apply(const LpmChange& made) {
    LpmChange change = made;
    const LpmKey& key = *change.key;
    const bool anchored = change.anchor != kNoNode;
    Redraw redraw{.change = change,
                  .at = change.anchor,
                  .anchor_bits = anchored ? nodes_.at(change.anchor).prefix_bits : 0u};
    Table table = first_table(key);
    if (layout_ == LpmLayout::Wide) {
        note_short(change);
        const uint64_t area = key.words[0] >> 48;
        if (key.prefix_bits >= 16 && redraw.anchor_bits < 16) tops_[area] = top_at(redraw, 16);
        // An anchor that is the top of 16 bits has not seen what lies above it.
        if (anchored && key.prefix_bits > 16 && change.cover == kNoNode)
            change.cover = covers_[area];
    }
    while (key.prefix_bits > table.upper_bits) {
        if (!descend(table, redraw)) return;
    }
    sweep(table, redraw);
}

uint32_t LpmFib::anchor(const LpmKey& key) const {
    uint32_t latest = kNoNode;
    uint32_t previous = kNoNode;
    const auto note = [&](uint32_t node) {
        previous = latest;
        latest = node;
    };
    Table table = first_table(key);
    if (layout_ == LpmLayout::Wide && key.prefix_bits > 16) note(tops_[key.words[0] >> 48]);
    for (;;) {
        const uint32_t slot =
            slot_in(table, index_in(table, key.words.data())).load(std::memory_order_relaxed);
        const bool ends = key.prefix_bits <= table.upper_bits;
        if (!has_memory(slot)) {
            note(slot_number(slot));
        } else {
            note(ends ? level_entry(slot, table.upper_bits) : blocks_.top(slot_number(slot)));
        }
        if (ends || !is_block(slot)) break;
        table = inside(table, key);
    }
    if (latest != kNoNode && trie_.covers(latest, key)) return latest;
    return trie_.covers(previous, key) ? previous : kNoNode;
}

}  // namespace weir::maps
