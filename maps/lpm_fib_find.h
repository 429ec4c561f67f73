#pragma once
// The readers' half of LpmFib, for the functions that look-ups of each shape become.

#include <cstring>

#include "maps/lpm_fib.h"
#include "vm/base/limits.h"

namespace weir::maps {

/// The first three bytes; addresses of a map with the wide table have four at least.
inline uint32_t wide_index(const uint8_t* address) {
    uint32_t raw;
    std::memcpy(&raw, address, sizeof raw);
    return __builtin_bswap32(raw) >> 8;
}

/// `slot`, or `otherwise` where it is 0: without a branch, which random addresses would make guess
/// wrong.
inline uint32_t slot_or(uint32_t slot, uint32_t otherwise) {
    return slot | (otherwise & (0u - uint32_t{slot == kNoNode}));
}

template <LpmLayout kLayout>
inline LpmFib::Step LpmFib::first(const Direct& direct, const uint8_t* address) {
    if constexpr (kLayout == LpmLayout::Byte)
        return {direct.root[address[0]].load(std::memory_order_acquire), kNoNode, 1};
    if constexpr (kLayout == LpmLayout::Pair) {
        const uint32_t pair = static_cast<uint32_t>(address[0]) << 8 | address[1];
        return {direct.wide[pair].load(std::memory_order_acquire),
                direct.root[address[0]].load(std::memory_order_acquire), 2};
    }
    const uint32_t index = wide_index(address);
    return {direct.wide[index].load(std::memory_order_acquire),
            direct.root[index >> 16].load(std::memory_order_acquire), 3};
}

WEIR_LPM_TARGET inline void LpmFib::advance(Step& at, const uint8_t* address) const {
    const LpmBlock& block = blocks_.at(slot_number(at.slot));
    const uint32_t best = block.best.load(std::memory_order_acquire);
    at.best = slot_or(best, at.best);
    const uint32_t index = address[at.byte++];
    const uint32_t place = slot_kind(at.slot) == LpmSlotKind::Full ? index : block.run_of(index);
    at.slot = block.slots[place].load(std::memory_order_acquire);
}

/// The kLpmCellBits bits from byte `from` of the address on, zeroes behind its end.
inline uint32_t bits_from(const uint8_t* address, uint32_t bytes, uint32_t from) {
    if (bytes < 8) return static_cast<uint32_t>(address_word(address, bytes, 0) << from * 8 >> 32);
    const uint32_t at = std::min(from, bytes - 8);
    const uint64_t word = __builtin_bswap64(load_private_word(address + at));
    return static_cast<uint32_t>(word << (from - at) * 8 >> 32);
}

template <uint32_t kPlaces>
inline uint32_t LpmFib::in_cell(const Step& at, uint32_t word) const {
    const LpmCell<kPlaces>& cell = blocks_.cell<kPlaces>(slot_number(at.slot));
    const uint32_t best = cell.best.load(std::memory_order_acquire);
    const uint32_t found = cell.find(word);
    return slot_or(found, slot_or(best, at.best));
}

template <uint32_t kAddressBytes>
WEIR_LPM_TARGET inline uint32_t LpmFib::finish(const Step& at, const uint8_t* address) const {
    const LpmSlotKind kind = slot_kind(at.slot);
    if (kind == LpmSlotKind::Entry) return slot_or(at.slot, at.best);
    const uint32_t bytes = kAddressBytes != 0 ? kAddressBytes : nodes_.address_bytes();
    if (kind != LpmSlotKind::Subtree) {
        const uint32_t word = bits_from(address, bytes, at.byte);
        if (kind == LpmSlotKind::Cell4) return in_cell<4>(at, word);
        return kind == LpmSlotKind::Cell8 ? in_cell<8>(at, word) : in_cell<20>(at, word);
    }
    constexpr uint32_t kWords = (kAddressBytes + 7) / 8;
    uint64_t words[kAddressBytes != 0 ? kWords : kLpmWordsMax];
    for (uint32_t w = 0; w * 8 < bytes; ++w) words[w] = address_word(address, bytes, w);
    return trie_.walk<kWords>(slot_number(at.slot), at.best, words, bytes * 8);
}

/// As many lines as the largest cell has; for smaller ones, and other kinds, requests too many.
inline void LpmFib::fetch_lines(uint32_t slot) const {
    const auto* memory = reinterpret_cast<const uint8_t*>(&blocks_.at(slot_number(slot)));
    for (uint32_t line = 0; line < 4; ++line) __builtin_prefetch(memory + line * 64);
}

template <uint32_t kAddressBytes>
WEIR_LPM_TARGET uint32_t LpmFib::below(uint32_t slot, uint32_t best, uint32_t byte,
                                       const uint8_t* address) const {
    Step at{slot, best, byte};
    // Ahead of the branches on the kind, which are guessed wrong often.
    fetch_lines(at.slot);
    while (is_block(at.slot)) {
        advance(at, address);
        fetch_lines(at.slot);
    }
    return finish<kAddressBytes>(at, address);
}

template <LpmLayout kLayout, uint32_t kAddressBytes>
inline uint32_t LpmFib::find(const uint8_t* address) const {
    const Step at = first<kLayout>(direct_, address);
    if (slot_kind(at.slot) == LpmSlotKind::Entry) [[likely]]
        return slot_or(at.slot, at.best);
    return below<kAddressBytes>(at.slot, at.best, at.byte, address);
}

inline void LpmFib::prefetch(uint32_t slot) const {
    const uint32_t number = slot_number(slot);
    if (!has_memory(slot)) return __builtin_prefetch(&nodes_.at(number));
    const auto* memory = reinterpret_cast<const uint8_t*>(&blocks_.at(number));
    __builtin_prefetch(memory);
    if (slot_kind(slot) >= LpmSlotKind::Cell8) __builtin_prefetch(memory + 64);
    if (slot_kind(slot) != LpmSlotKind::Cell20) return;
    __builtin_prefetch(memory + 128);
    __builtin_prefetch(memory + 192);
}

template <LpmLayout kLayout, uint32_t kAddressBytes>
WEIR_LPM_TARGET bool LpmFib::find_many(const uint8_t* const* keys, uint32_t count,
                                       uint8_t** values) const {
    Step steps[kBurstPacketsMax];
    uint32_t going[kBurstPacketsMax];  // those that lead on
    uint32_t left = 0;
    // Kept at hand: for all that the compiler knows a store to `values` changes what `this` holds.
    const Direct direct = direct_;
    const LpmValues found = nodes_.values();
    const uint32_t bits = (kAddressBytes != 0 ? kAddressBytes : nodes_.address_bytes()) * 8;
    uint32_t differences = 0;
    for (uint32_t i = 0; i < count; ++i) {
        if constexpr (kLayout == LpmLayout::Wide)
            __builtin_prefetch(&direct.wide[wide_index(keys[i] + kLpmLengthBytes)]);
        differences |= LpmKey::bits_of(keys[i]) ^ bits;
    }
    for (uint32_t i = 0; i < count; ++i) {
        const Step at = first<kLayout>(direct, keys[i] + kLpmLengthBytes);
        values[i] = found.of_or_null(slot_or(at.slot, at.best));
        if (slot_kind(at.slot) == LpmSlotKind::Entry) [[likely]]
            continue;
        prefetch(at.slot);
        steps[left] = at;
        going[left++] = i;
    }
    while (left > 0) {
        uint32_t still = 0;
        for (uint32_t n = 0; n < left; ++n) {
            Step at = steps[n];
            const uint8_t* const address = keys[going[n]] + kLpmLengthBytes;
            if (!is_block(at.slot)) {
                values[going[n]] = found.of_or_null(finish<kAddressBytes>(at, address));
                continue;
            }
            advance(at, address);
            if (slot_kind(at.slot) != LpmSlotKind::Entry) prefetch(at.slot);
            going[still] = going[n];
            steps[still++] = at;
        }
        left = still;
    }
    return differences == 0;
}

template <LpmLayout kLayout>
uint64_t LpmFib::ask(const uint8_t* address) const {
    if constexpr (kLayout == LpmLayout::Wide)
        __builtin_prefetch(&direct_.wide[wide_index(address)]);
    return 1;
}

inline uint64_t LpmFib::ask_value(uint32_t entry) const {
    if (entry == kNoNode) return vm::LookupSteps::kNoWait;
    __builtin_prefetch(nodes_.values().of(entry));
    return vm::LookupSteps::kLast;
}

/// Goes down once more as far as the ticket says, over what is at hand now, and one level further.
template <LpmLayout kLayout, uint32_t kAddressBytes>
WEIR_LPM_TARGET uint64_t LpmFib::ask_on(const uint8_t* address, uint64_t ticket) const {
    Step at = first<kLayout>(direct_, address);
    uint64_t level = 1;
    for (; level < ticket && is_block(at.slot); ++level) advance(at, address);
    const LpmSlotKind kind = slot_kind(at.slot);
    if (kind == LpmSlotKind::Entry) return ask_value(slot_or(at.slot, at.best));
    const bool was_requested = level < ticket;
    if (was_requested && kind != LpmSlotKind::Subtree)
        return ask_value(finish<kAddressBytes>(at, address));
    prefetch(at.slot);
    return kind == LpmSlotKind::Subtree ? vm::LookupSteps::kLast : ticket + 1;
}

}  // namespace weir::maps
