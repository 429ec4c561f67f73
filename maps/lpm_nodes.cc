#include "maps/lpm_nodes.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "vm/base/check.h"

namespace weir::maps {
namespace {

/// Nodes beyond those that entries can occupy: as many may wait for readers without an update
/// failing.
constexpr uint64_t waiting_nodes(uint64_t entries_max) {
    return std::clamp<uint64_t>(entries_max / 4, 64, 65536);
}

}  // namespace

Result<LpmNodes> LpmNodes::create(uint32_t entries_max, uint32_t address_bytes,
                                  uint32_t value_bytes, const std::string& map_name) {
    const uint64_t nodes = uint64_t{entries_max} * 2 + waiting_nodes(entries_max);
    if (nodes >= kNoNode) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: max_entries {} of an lpm_trie exceeds 2147418112",
                                map_name, entries_max));
    }
    const uint64_t stride =
        sizeof(LpmNode) + round_up_to(address_bytes, 8) + round_up_to(value_bytes, 8);
    Result<Region> memory = Region::take(nodes * stride, map_name);
    if (!memory) return std::unexpected(memory.error());
    return LpmNodes(std::move(*memory), stride, address_bytes, static_cast<uint32_t>(nodes));
}

LpmNodes::LpmNodes(Region memory, uint64_t stride, uint32_t address_bytes, uint32_t node_count)
    : memory_(std::move(memory)),
      stride_(stride),
      address_bytes_(address_bytes),
      words_((address_bytes + 7) / 8),
      node_count_(node_count) {
    static_assert(sizeof(LpmNode) == 16,
                  "header, address and value of a small node share a cache line");
}

void LpmNodes::append(List& list, uint32_t node) {
    at(node).pool_link = kNoNode;
    if (list.count == 0) {
        list.first = node;
    } else {
        at(list.last).pool_link = node;
    }
    list.last = node;
    ++list.count;
}

void LpmNodes::append_all(List& list, List& other) {
    if (other.count == 0) return;
    if (list.count == 0) {
        list.first = other.first;
    } else {
        at(list.last).pool_link = other.first;
    }
    list.last = other.last;
    list.count += other.count;
    other = List{};
}

/// One grace period at a time: nodes retired meanwhile share the next one.
void LpmNodes::reclaim() {
    if (waiting_.count > 0 && grace_passed(token_)) append_all(free_, waiting_);
    if (waiting_.count > 0 || retired_.count == 0) return;
    token_ = begin_grace();
    waiting_ = std::exchange(retired_, List{});
    if (grace_passed(token_)) append_all(free_, waiting_);
}

bool LpmNodes::reserve(uint32_t count) {
    const auto ready = [&] { return uint64_t{free_.count} + (node_count_ - fresh_) >= count; };
    if (!ready()) reclaim();
    return ready();
}

uint32_t LpmNodes::take(const uint64_t* words, uint32_t prefix_bits) {
    uint32_t node;
    if (free_.count > 0) {
        node = free_.first;
        free_.first = at(node).pool_link;
        --free_.count;
    } else {
        WEIR_CHECK(fresh_ < node_count_);
        node = fresh_++;
    }
    LpmNode& made = at(node);
    made.child[0].store(kNoNode, std::memory_order_relaxed);
    made.child[1].store(kNoNode, std::memory_order_relaxed);
    made.intermediate.store(0, std::memory_order_relaxed);
    made.prefix_bits = static_cast<uint16_t>(prefix_bits);
    std::copy_n(words, words_, made.words);
    return node;
}

void LpmNodes::retire(uint32_t node) {
    append(retired_, node);
    // Often enough that a trie which is changed without pause keeps few nodes waiting, seldom
    // enough to cost nothing.
    constexpr uint32_t kRetiredBatch = 32;
    if (retired_.count % kRetiredBatch == 0) reclaim();
}

}  // namespace weir::maps
