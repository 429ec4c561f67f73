#include "maps/lpm_trie.h"

#include "maps/words.h"

namespace weir::maps {

/// The first entry in postorder below `from`. A fork has two children, so that there is always one,
/// unless a writer is at work between two of our loads.
uint32_t LpmTrie::leftmost(uint32_t from) const {
    uint32_t entry = kNoNode;
    while (from != kNoNode) {
        const LpmNode& node = nodes_.at(from);
        if (nodes_.is_entry(from)) entry = from;
        const uint32_t left = node.child[0].load(std::memory_order_acquire);
        from = left != kNoNode ? left : node.child[1].load(std::memory_order_acquire);
    }
    return entry;
}

uint32_t LpmTrie::next(const LpmKey* key) const {
    if (key == nullptr) return leftmost(root());
    std::array<uint32_t, kLpmAddressBytesMax * 8 + 1> path;
    uint32_t depth = 0;
    uint32_t at = root();
    while (at != kNoNode) {
        const LpmNode& node = nodes_.at(at);
        const uint32_t bits = node.prefix_bits;
        path[depth] = at;
        if (bits > key->prefix_bits || !is_below(node, key->words.data(), bits)) at = kNoNode;
        if (at == kNoNode || bits == key->prefix_bits) break;
        ++depth;
        at = node.child[key->bit(bits)].load(std::memory_order_acquire);
    }
    if (at == kNoNode || !nodes_.is_entry(at)) return leftmost(root());
    for (; depth > 0; --depth) {
        const LpmNode& parent = nodes_.at(path[depth - 1]);
        if (!key->bit(parent.prefix_bits)) {
            const uint32_t sibling = leftmost(parent.child[1].load(std::memory_order_acquire));
            if (sibling != kNoNode) return sibling;
        }
        if (nodes_.is_entry(path[depth - 1])) return path[depth - 1];
    }
    return kNoNode;
}

// -- writers
// ------------------------------------------------------------------------------------------

LpmTrie::Place LpmTrie::place_of(const LpmKey& key, uint32_t anchor) {
    Place place{.link = &root_,
                .node = kNoNode,
                .matched_bits = 0,
                .parent_link = nullptr,
                .parent = kNoNode,
                .cover = kNoNode,
                .anchor = anchor};
    if (anchor != kNoNode) {
        LpmNode& node = nodes_.at(anchor);
        place.parent = anchor;
        place.link = &node.child[key.bit(node.prefix_bits)];
        if (nodes_.is_entry(anchor)) place.cover = anchor;
    }
    for (;;) {
        place.node = place.link->load(std::memory_order_relaxed);
        if (place.node == kNoNode) return place;
        LpmNode& node = nodes_.at(place.node);
        place.matched_bits = common_bits(node.words, key.words.data(),
                                         std::min<uint32_t>(node.prefix_bits, key.prefix_bits));
        if (node.prefix_bits != place.matched_bits || node.prefix_bits == key.prefix_bits)
            return place;
        if (nodes_.is_entry(place.node)) place.cover = place.node;
        place.parent = place.node;
        place.parent_link = place.link;
        place.link = &node.child[key.bit(node.prefix_bits)];
    }
}

uint32_t LpmTrie::entry_at(const Place& place, const LpmKey& key) const {
    const bool same = place.node != kNoNode &&
                      nodes_.at(place.node).prefix_bits == key.prefix_bits &&
                      place.matched_bits == key.prefix_bits;
    return same && nodes_.is_entry(place.node) ? place.node : kNoNode;
}

bool LpmTrie::parts(const Place& place, const LpmKey& key) const {
    return place.node != kNoNode && place.matched_bits != key.prefix_bits;
}

void LpmTrie::copy_children(uint32_t from, uint32_t to) {
    for (int side = 0; side < 2; ++side) {
        const uint32_t child = nodes_.at(from).child[side].load(std::memory_order_relaxed);
        nodes_.at(to).child[side].store(child, std::memory_order_relaxed);
    }
}

LpmChange LpmTrie::put(const Place& place, const LpmKey& key, const uint8_t* value,
                       uint32_t value_bytes) {
    const uint32_t made = nodes_.take_entry(key.words.data(), key.prefix_bits);
    store_words(nodes_.values().of(made), value, value_bytes);
    LpmChange change{.key = &key,
                     .before = entry_at(place, key),
                     .after = made,
                     .cover = place.cover,
                     .anchor = place.anchor,
                     .gone = {}};
    uint32_t linked = made;
    if (parts(place, key)) {
        // Below a new fork, beside the node that is there.
        linked = nodes_.take_fork(nodes_.at(place.node).words, place.matched_bits);
        const bool bit = key.bit(place.matched_bits);
        nodes_.at(linked).child[bit].store(made, std::memory_order_relaxed);
        nodes_.at(linked).child[!bit].store(place.node, std::memory_order_relaxed);
    } else if (place.node != kNoNode && nodes_.at(place.node).prefix_bits == key.prefix_bits) {
        copy_children(place.node, made);
        change.gone[0] = place.node;
    } else if (place.node != kNoNode) {
        const bool bit = address_bit(nodes_.at(place.node).words, key.prefix_bits);
        nodes_.at(made).child[bit].store(place.node, std::memory_order_relaxed);
    }
    place.link->store(linked, std::memory_order_release);
    return change;
}

/// The kernel's trie_delete_elem: what becomes superfluous above the entry goes too.
LpmChange LpmTrie::remove(const Place& found, const LpmKey& key) {
    Place place = found;
    const uint32_t entry = place.node;
    const uint32_t left = nodes_.at(entry).child[0].load(std::memory_order_relaxed);
    const uint32_t right = nodes_.at(entry).child[1].load(std::memory_order_relaxed);
    const bool is_leaf = left == kNoNode && right == kNoNode;
    const bool parent_goes = is_leaf && place.parent != kNoNode && !nodes_.is_entry(place.parent);
    // The anchor goes itself: what stays lies above it.
    if (parent_goes && place.parent == place.anchor) place = place_of(key, kNoNode);
    LpmChange change{.key = &key,
                     .before = entry,
                     .after = kNoNode,
                     .cover = place.cover,
                     .anchor = place.anchor,
                     .gone = {entry, kNoNode}};
    if (parent_goes) {
        const LpmNode& parent = nodes_.at(place.parent);
        const uint32_t first = parent.child[0].load(std::memory_order_relaxed);
        const uint32_t sibling =
            first == entry ? parent.child[1].load(std::memory_order_relaxed) : first;
        place.parent_link->store(sibling, std::memory_order_release);
        change.gone[1] = place.parent;
    } else if (left != kNoNode && right != kNoNode) {
        const uint32_t fork = nodes_.take_fork(key.words.data(), key.prefix_bits);
        copy_children(entry, fork);
        place.link->store(fork, std::memory_order_release);
    } else {
        place.link->store(left != kNoNode ? left : right, std::memory_order_release);
    }
    return change;
}

uint32_t LpmTrie::topmost(uint32_t from, const uint64_t* words, uint32_t bits) const {
    uint32_t at = from != kNoNode ? from : root();
    while (at != kNoNode) {
        const LpmNode& node = nodes_.at(at);
        if (node.prefix_bits >= bits) return is_below(node, words, bits) ? at : kNoNode;
        if (!is_below(node, words, node.prefix_bits)) return kNoNode;
        at = node.child[address_bit(words, node.prefix_bits)].load(std::memory_order_relaxed);
    }
    return kNoNode;
}

/// Each node without two children is an entry, so that this looks at twice as many nodes as there
/// is room for, at most.
uint32_t LpmTrie::gather(uint32_t from, uint32_t bits, std::span<uint32_t> entries) const {
    const auto enough = static_cast<uint32_t>(entries.size());
    uint32_t count = 0;
    std::array<uint32_t, kGatherMax> waiting;  // right sides; each holds an entry
    uint32_t depth = 0;
    while (from != kNoNode && count < enough) {
        const LpmNode& node = nodes_.at(from);
        if (nodes_.is_entry(from) && node.prefix_bits > bits) entries[count++] = from;
        const uint32_t left = node.child[0].load(std::memory_order_relaxed);
        const uint32_t right = node.child[1].load(std::memory_order_relaxed);
        const bool both = left != kNoNode && right != kNoNode;
        if (both && count + depth + 2 >= enough) return enough;
        if (both) waiting[depth++] = right;
        from = left != kNoNode ? left : right;
        if (from == kNoNode && depth > 0) from = waiting[--depth];
    }
    return count;
}

bool LpmTrie::holds_more(uint32_t from, uint32_t bits, uint32_t limit) const {
    std::array<uint32_t, kGatherMax> entries;
    return gather(from, bits, {entries.data(), limit + 1}) > limit;
}

bool LpmTrie::covers(uint32_t node, const LpmKey& key) const {
    if (node == kNoNode) return false;
    const uint32_t bits = nodes_.at(node).prefix_bits;
    return bits < key.prefix_bits && is_below(nodes_.at(node), key.words.data(), bits);
}

std::vector<uint32_t> LpmTrie::whole_entries(uint64_t& torn) const {
    struct Step {
        uint32_t node, parent;
        bool side;
    };
    const uint32_t bits_max = nodes_.address_bytes() * 8;
    std::vector<uint32_t> entries;
    std::vector<bool> seen(uint64_t{nodes_.last()} + 1);
    std::vector<Step> steps = {{root(), kNoNode, false}};
    while (!steps.empty()) {
        const Step step = steps.back();
        steps.pop_back();
        if (step.node == kNoNode) continue;
        const auto fits = [&] {
            if (step.node > nodes_.last() || seen[step.node]) return false;
            seen[step.node] = true;
            const LpmNode& node = nodes_.at(step.node);
            if (node.prefix_bits > bits_max) return false;
            if (step.parent == kNoNode) return true;
            const LpmNode& parent = nodes_.at(step.parent);
            return node.prefix_bits > parent.prefix_bits &&
                   is_below(node, parent.words, parent.prefix_bits) &&
                   address_bit(node.words, parent.prefix_bits) == step.side;
        };
        if (!fits()) {
            ++torn;
            continue;
        }
        if (nodes_.is_entry(step.node)) entries.push_back(step.node);
        for (const bool side : {true, false})
            steps.push_back({nodes_.at(step.node).child[side].load(std::memory_order_relaxed),
                             step.node, side});
    }
    return entries;
}

}  // namespace weir::maps
