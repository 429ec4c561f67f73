// Open addressing with linear probing. A slot has 32 bits of hash beside the place, so that most
// probes touch no record and growing touches none.
#include "controlplane/cli/element_index.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weir::controlplane::cli {
namespace {

constexpr size_t kLengthBytes = 4;  ///< of a prefix, in front of the address
constexpr size_t kSlotsMin = 64;

uint32_t prefix_bits(ByteSpan key) {
    uint32_t bits = 0;
    std::memcpy(&bits, key.data(), sizeof bits);
    return std::min(bits, static_cast<uint32_t>(key.size() - kLengthBytes) * 8);
}

}  // namespace

ElementIndex::ElementIndex(const ElementRecords& records, bool is_prefix, size_t expected)
    : records_(records),
      is_prefix_(is_prefix),
      slots_(std::bit_ceil(std::max(kSlotsMin, 2 * expected))) {}

uint32_t ElementIndex::hash_of(ByteSpan key) const {
    constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
    const size_t bytes = is_prefix_ ? kLengthBytes + prefix_bits(key) / 8 : key.size();
    uint64_t hash = bytes;
    for (size_t at = 0; at < bytes; at += 8) {
        uint64_t word = 0;
        std::memcpy(&word, key.data() + at, std::min<size_t>(8, bytes - at));
        hash = (std::rotl(hash, 29) ^ word) * kMultiplier;
        hash ^= hash >> 32;
    }
    return static_cast<uint32_t>(hash ^ hash >> 29);
}

bool ElementIndex::same_key(ByteSpan one, ByteSpan other) const {
    if (!is_prefix_) return std::memcmp(one.data(), other.data(), one.size()) == 0;
    const uint32_t bits = prefix_bits(one);
    const size_t whole = kLengthBytes + bits / 8;
    if (std::memcmp(one.data(), other.data(), whole) != 0) return false;
    return bits % 8 == 0 || ((one[whole] ^ other[whole]) & (0xff00u >> (bits % 8)) & 0xffu) == 0;
}

void ElementIndex::grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    const size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
        if (slot.place == 0) continue;
        size_t at = slot.hash & mask;
        while (slots_[at].place != 0) at = (at + 1) & mask;
        slots_[at] = slot;
    }
}

size_t ElementIndex::place_of_last() {
    const size_t last = records_.count() - 1;
    const ByteSpan key = records_.key(last);
    const uint32_t hash = hash_of(key);
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    for (; slots_[at].place != 0; at = (at + 1) & mask) {
        const size_t place = slots_[at].place - 1;
        if (slots_[at].hash == hash && same_key(records_.key(place), key)) return place;
    }
    slots_[at] = {hash, static_cast<uint32_t>(last + 1)};
    if (++used_ * 2 > slots_.size()) grow();
    return last;
}

}  // namespace weir::controlplane::cli
