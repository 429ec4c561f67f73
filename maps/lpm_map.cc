#include "maps/lpm_map.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "maps/spec_check.h"
#include "maps/words.h"
#include "vm/base/check.h"

// A path-compressed binary trie, as the kernel's. A node is an entry, or intermediate: the place
// where two prefixes part. Children are longer than their parent and agree with it. Every change is
// one store to the link that leads to the changed place: readers see it before or after. Nodes out
// of sight wait in LpmNodes until readers have moved on.

namespace weir::maps {
namespace {

constexpr uint32_t kFlagsAllowed = vm::kMapNoPrealloc | kMapNumaNode | kAccessFlags;
/// How long the control side waits for readers when all nodes wait for them, and how often.
constexpr uint64_t kGraceWaitMs = 1000;
constexpr uint32_t kGraceWaits = 4;

Result<void> check(const vm::MapSpec& spec) {
    const Result<void> common = check_common(spec, kFlagsAllowed);
    if (!common) return common;
    if ((spec.flags & vm::kMapNoPrealloc) == 0) {
        return refuse(spec,
                      fmt::format("flags {:#x} must contain BPF_F_NO_PREALLOC (0x1)", spec.flags));
    }
    constexpr uint32_t kKeyBytesMax = kLpmLengthBytes + kLpmAddressBytesMax;
    if (spec.key_bytes <= kLpmLengthBytes || spec.key_bytes > kKeyBytesMax) {
        return refuse(spec, fmt::format("key size {} must lie between {} and {}", spec.key_bytes,
                                        kLpmLengthBytes + 1, kKeyBytesMax));
    }
    if (!spec.contents.empty())
        return refuse(spec, "first contents are for arrays of one element only");
    return {};
}

uint32_t prefix_bits_of(const uint8_t* key) {
    uint32_t bits;
    std::memcpy(&bits, key, sizeof bits);
    return bits;
}

/// False when the prefix length exceeds the address.
bool parse_key(const uint8_t* raw, uint32_t address_bytes, LpmKey& key) {
    key.prefix_bits = prefix_bits_of(raw);
    if (key.prefix_bits > address_bytes * 8) return false;
    const uint32_t words = (address_bytes + 7) / 8;
    for (uint32_t w = 0; w < words; ++w)
        key.words[w] = address_word(raw + kLpmLengthBytes, address_bytes, w);
    return true;
}

/// Length of the common prefix, at most either's own.
uint32_t matched_bits(const LpmNode& node, const LpmKey& key) {
    const uint32_t limit = std::min<uint32_t>(node.prefix_bits, key.prefix_bits);
    for (uint32_t w = 0; w * 64 < limit; ++w) {
        const uint64_t difference = node.words[w] ^ key.words[w];
        if (difference != 0)
            return std::min(limit, w * 64 + static_cast<uint32_t>(std::countl_zero(difference)));
    }
    return limit;
}

}  // namespace

Result<std::unique_ptr<vm::Map>> LpmMap::create(const vm::MapSpec& spec) {
    if (const Result<void> ok = check(spec); !ok) return std::unexpected(ok.error());
    auto nodes = LpmNodes::create(spec.entries_max, spec.key_bytes - kLpmLengthBytes,
                                  spec.value_bytes, spec.name);
    if (!nodes) return std::unexpected(nodes.error());
    return std::unique_ptr<vm::Map>(new LpmMap(spec, std::move(*nodes)));
}

LpmMap::LpmMap(const vm::MapSpec& spec, LpmNodes nodes) : Map(spec), nodes_(std::move(nodes)) {}

// -- readers
// ------------------------------------------------------------------------------------------

/// kWords 0: any size.
template <uint32_t kWords>
uint32_t LpmMap::find(const uint8_t* key) const {
    const uint32_t word_count = kWords != 0 ? kWords : nodes_.words();
    const uint32_t prefix_bits = prefix_bits_of(key);
    if (prefix_bits > nodes_.address_bytes() * 8) return kNoNode;
    uint64_t words[kWords != 0 ? kWords : kLpmWordsMax];
    for (uint32_t w = 0; w < word_count; ++w)
        words[w] = address_word(key + kLpmLengthBytes, nodes_.address_bytes(), w);

    uint32_t found = kNoNode;
    uint32_t at = root_.load(std::memory_order_acquire);
    while (at != kNoNode) {
        const LpmNode& node = nodes_.at(at);
        const uint32_t bits = node.prefix_bits;
        if (bits > prefix_bits) break;
        for (uint32_t w = 0; w * 64 < bits; ++w) {
            const auto common = static_cast<uint32_t>(std::countl_zero(node.words[w] ^ words[w]));
            if (common < std::min(bits - w * 64, 64u)) return found;
        }
        if (node.intermediate.load(std::memory_order_relaxed) == 0) found = at;
        if (bits == prefix_bits) break;
        at = node.child[words[bits / 64] >> (63 - bits % 64) & 1].load(std::memory_order_acquire);
    }
    return found;
}

uint8_t* LpmMap::lookup(const uint8_t* key, uint32_t /*cpu*/) {
    const uint32_t words = nodes_.words();
    const uint32_t node = words == 1 ? find<1>(key) : words == 2 ? find<2>(key) : find<0>(key);
    return node == kNoNode ? nullptr : nodes_.value(node);
}

int LpmMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    const ReaderScope reading;
    const uint8_t* found = lookup(key, 0);
    if (found == nullptr) return -ENOENT;
    load_words(value.data(), found, spec().value_bytes);
    return 0;
}

/// The first entry in postorder below `from`. An intermediate node has two children, so that there
/// is always one, unless a writer is at work between two of our loads.
uint32_t LpmMap::leftmost(uint32_t from) const {
    uint32_t entry = kNoNode;
    while (from != kNoNode) {
        const LpmNode& node = nodes_.at(from);
        if (node.intermediate.load(std::memory_order_acquire) == 0) entry = from;
        const uint32_t left = node.child[0].load(std::memory_order_acquire);
        from = left != kNoNode ? left : node.child[1].load(std::memory_order_acquire);
    }
    return entry;
}

/// The entry behind `key` in postorder; the first one if the key is absent; kNoNode at the end.
uint32_t LpmMap::successor(const LpmKey& key) const {
    std::array<uint32_t, kLpmAddressBytesMax * 8 + 1> path;
    uint32_t depth = 0;
    uint32_t matched = 0;
    uint32_t at = root_.load(std::memory_order_acquire);
    while (at != kNoNode) {
        const LpmNode& node = nodes_.at(at);
        path[depth] = at;
        matched = matched_bits(node, key);
        if (node.prefix_bits != matched || node.prefix_bits == key.prefix_bits) break;
        ++depth;
        at = node.child[key.bit(node.prefix_bits)].load(std::memory_order_acquire);
    }
    const bool present = at != kNoNode && nodes_.at(at).prefix_bits == matched &&
                         nodes_.at(at).intermediate.load(std::memory_order_acquire) == 0;
    if (!present) return leftmost(root_.load(std::memory_order_acquire));
    for (; depth > 0; --depth) {
        const LpmNode& parent = nodes_.at(path[depth - 1]);
        if (!key.bit(parent.prefix_bits)) {
            const uint32_t sibling = leftmost(parent.child[1].load(std::memory_order_acquire));
            if (sibling != kNoNode) return sibling;
        }
        if (parent.intermediate.load(std::memory_order_acquire) == 0) return path[depth - 1];
    }
    return kNoNode;
}

int LpmMap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    const ReaderScope reading;
    LpmKey parsed;
    const bool from_start = key == nullptr || !parse_key(key, nodes_.address_bytes(), parsed);
    const uint32_t found =
        from_start ? leftmost(root_.load(std::memory_order_acquire)) : successor(parsed);
    if (found == kNoNode) return -ENOENT;
    const LpmNode& node = nodes_.at(found);
    const uint32_t prefix_bits = node.prefix_bits;
    std::memcpy(next, &prefix_bits, kLpmLengthBytes);
    for (uint32_t at = 0; at < nodes_.address_bytes(); at += 8) {
        const uint64_t word = __builtin_bswap64(node.words[at / 8]);
        std::memcpy(next + kLpmLengthBytes + at, &word, std::min(nodes_.address_bytes() - at, 8u));
    }
    return 0;
}

// -- writers
// ------------------------------------------------------------------------------------------

LpmMap::Place LpmMap::place_of(const LpmKey& key) {
    Place place{.link = &root_,
                .node = kNoNode,
                .matched_bits = 0,
                .parent_link = nullptr,
                .parent = kNoNode};
    for (;;) {
        place.node = place.link->load(std::memory_order_relaxed);
        if (place.node == kNoNode) return place;
        LpmNode& node = nodes_.at(place.node);
        place.matched_bits = matched_bits(node, key);
        if (node.prefix_bits != place.matched_bits || node.prefix_bits == key.prefix_bits)
            return place;
        place.parent = place.node;
        place.parent_link = place.link;
        place.link = &node.child[key.bit(node.prefix_bits)];
    }
}

/// trie_check_add_elem of the kernel.
int LpmMap::admission_error(uint64_t flags) {
    if (flags == vm::kUpdateExist) return -ENOENT;
    if (entries() < spec().entries_max) return 0;
    full_.fetch_add(1, std::memory_order_relaxed);
    return -ENOSPC;
}

int LpmMap::put_locked(const LpmKey& key, const uint8_t* value, uint64_t flags) {
    const Place place = place_of(key);
    const bool same_prefix =
        place.node != kNoNode && nodes_.at(place.node).prefix_bits == place.matched_bits;
    const bool present =
        same_prefix && nodes_.at(place.node).intermediate.load(std::memory_order_relaxed) == 0;
    if (present && flags == vm::kUpdateNoExist) return -EEXIST;
    if (!present) {
        if (const int error = admission_error(flags); error != 0) return error;
    }
    const bool parts =
        place.node != kNoNode && !same_prefix && place.matched_bits != key.prefix_bits;
    if (!nodes_.reserve(parts ? 2 : 1)) return -ENOMEM;
    if (!present) entries_.store(entries() + 1, std::memory_order_relaxed);
    if (same_prefix) return replace_at(place, key, value);
    return parts ? insert_beside(place, key, value) : insert_at(place, key, value);
}

int LpmMap::replace_at(const Place& place, const LpmKey& key, const uint8_t* value) {
    const uint32_t made = nodes_.take(key.words.data(), key.prefix_bits);
    store_words(nodes_.value(made), value, spec().value_bytes);
    for (int side = 0; side < 2; ++side) {
        const uint32_t child = nodes_.at(place.node).child[side].load(std::memory_order_relaxed);
        nodes_.at(made).child[side].store(child, std::memory_order_relaxed);
    }
    place.link->store(made, std::memory_order_release);
    nodes_.retire(place.node);
    return 0;
}

/// Where the way ends, or as the parent of a longer prefix.
int LpmMap::insert_at(const Place& place, const LpmKey& key, const uint8_t* value) {
    const uint32_t made = nodes_.take(key.words.data(), key.prefix_bits);
    store_words(nodes_.value(made), value, spec().value_bytes);
    if (place.node != kNoNode) {
        const bool bit = nodes_.at(place.node).bit(key.prefix_bits);
        nodes_.at(made).child[bit].store(place.node, std::memory_order_relaxed);
    }
    place.link->store(made, std::memory_order_release);
    return 0;
}

/// Below a new intermediate node, beside the node that is there.
int LpmMap::insert_beside(const Place& place, const LpmKey& key, const uint8_t* value) {
    const uint32_t made = nodes_.take(key.words.data(), key.prefix_bits);
    store_words(nodes_.value(made), value, spec().value_bytes);
    const uint32_t fork = nodes_.take(nodes_.at(place.node).words, place.matched_bits);
    const bool bit = key.bit(place.matched_bits);
    nodes_.at(fork).intermediate.store(1, std::memory_order_relaxed);
    nodes_.at(fork).child[bit].store(made, std::memory_order_relaxed);
    nodes_.at(fork).child[!bit].store(place.node, std::memory_order_relaxed);
    place.link->store(fork, std::memory_order_release);
    return 0;
}

int LpmMap::put(const uint8_t* raw_key, const uint8_t* value, uint64_t flags, Side side) {
    if (flags > vm::kUpdateExist) return -EINVAL;
    LpmKey key;
    if (!parse_key(raw_key, nodes_.address_bytes(), key)) return -EINVAL;
    if (!writers_.acquire(side)) return -EBUSY;
    const int status = put_locked(key, value, flags);
    writers_.release();
    return status;
}

int LpmMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t /*cpu*/) {
    const int status = put(key, value, flags, Side::Program);
    if (status == -ENOMEM) full_.fetch_add(1, std::memory_order_relaxed);
    return status;
}

int LpmMap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (value.size() != spec().value_bytes) return -EINVAL;
    int status = put(key, value.data(), flags, Side::Control);
    for (uint32_t waits = 0; status == -ENOMEM && waits < kGraceWaits; ++waits) {
        wait_for_readers(kGraceWaitMs);
        status = put(key, value.data(), flags, Side::Control);
    }
    if (status == -ENOMEM) full_.fetch_add(1, std::memory_order_relaxed);
    return status;
}

/// Takes the entry of `place` out. The kernel's trie_delete_elem: what becomes superfluous above it
/// goes too.
void LpmMap::unlink(const Place& place) {
    LpmNode& node = nodes_.at(place.node);
    const uint32_t left = node.child[0].load(std::memory_order_relaxed);
    const uint32_t right = node.child[1].load(std::memory_order_relaxed);
    if (left != kNoNode && right != kNoNode) {
        node.intermediate.store(1, std::memory_order_release);
        return;
    }
    const bool is_leaf = left == kNoNode && right == kNoNode;
    if (is_leaf && place.parent != kNoNode &&
        nodes_.at(place.parent).intermediate.load(std::memory_order_relaxed) != 0) {
        const LpmNode& parent = nodes_.at(place.parent);
        const uint32_t first = parent.child[0].load(std::memory_order_relaxed);
        const uint32_t sibling =
            first == place.node ? parent.child[1].load(std::memory_order_relaxed) : first;
        place.parent_link->store(sibling, std::memory_order_release);
        nodes_.retire(place.parent);
    } else {
        place.link->store(left != kNoNode ? left : right, std::memory_order_release);
    }
    nodes_.retire(place.node);
}

int LpmMap::remove(const uint8_t* raw_key, Side side) {
    LpmKey key;
    if (!parse_key(raw_key, nodes_.address_bytes(), key)) return -EINVAL;
    if (!writers_.acquire(side)) return -EBUSY;
    const Place place = place_of(key);
    const bool present = place.node != kNoNode && place.matched_bits == key.prefix_bits &&
                         nodes_.at(place.node).prefix_bits == key.prefix_bits &&
                         nodes_.at(place.node).intermediate.load(std::memory_order_relaxed) == 0;
    if (present) {
        unlink(place);
        entries_.store(entries() - 1, std::memory_order_relaxed);
    }
    writers_.release();
    return present ? 0 : -ENOENT;
}

int LpmMap::erase(const uint8_t* key) {
    return remove(key, Side::Program);
}

int LpmMap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return remove(key, Side::Control);
}

}  // namespace weir::maps
