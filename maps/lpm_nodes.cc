#include "maps/lpm_nodes.h"

#include <algorithm>

#include "vm/base/check.h"

namespace weir::maps {
namespace {

/// Nodes of either kind beyond those that entries can occupy: as many may wait for readers without
/// an update failing.
constexpr uint64_t waiting_nodes(uint64_t entries_max) {
    return std::clamp<uint64_t>(entries_max / 16, 256, 65536);
}

/// Of either kind: n entries have at most n - 1 forks.
constexpr uint64_t pool_nodes(uint64_t entries_max) {
    return entries_max + waiting_nodes(entries_max);
}

constexpr uint64_t node_stride(const LpmNodes::Shape& shape) {
    return sizeof(LpmNode) + round_up_to(shape.address_bytes, 8);
}

/// Number 0 has a place too, so that a number is an index.
constexpr uint64_t node_bytes(const LpmNodes::Shape& shape) {
    return round_up_to((2 * pool_nodes(shape.entries_max) + 1) * node_stride(shape), 64);
}

}  // namespace

uint64_t LpmNodes::bytes_needed(const Shape& shape) {
    return node_bytes(shape) +
           (pool_nodes(shape.entries_max) + 1) * round_up_to(shape.value_bytes, 8);
}

LpmNodes::LpmNodes(uint8_t* memory, const Shape& shape)
    : nodes_(memory),
      values_{.base = memory + node_bytes(shape), .stride = round_up_to(shape.value_bytes, 8)},
      node_stride_(node_stride(shape)),
      address_bytes_(shape.address_bytes),
      words_((shape.address_bytes + 7) / 8),
      entries_{.fresh = 1, .last = static_cast<uint32_t>(pool_nodes(shape.entries_max))},
      forks_{.fresh = entries_.last + 1, .last = 2 * entries_.last} {
    static_assert(sizeof(LpmNode) == 16, "IPv6 nodes divide a cache line");
}

void LpmNodes::collect(Pool& pool) {
    pool.grace.collect([this](uint32_t node) -> uint32_t& { return at(node).pool_link; },
                       [this, &pool](uint32_t node) {
                           at(node).pool_link = pool.free;
                           pool.free = node;
                           ++pool.free_count;
                       });
}

bool LpmNodes::reserve(Pool& pool, uint32_t count) {
    if (!pool.has(count)) collect(pool);
    return pool.has(count);
}

bool LpmNodes::reserve(uint32_t entries, uint32_t forks) {
    return reserve(entries_, entries) && reserve(forks_, forks);
}

uint32_t LpmNodes::take(Pool& pool, const uint64_t* words, uint32_t prefix_bits) {
    uint32_t node = pool.free;
    if (node != kNoNode) {
        pool.free = at(node).pool_link;
        --pool.free_count;
    } else {
        WEIR_CHECK(pool.fresh <= pool.last);
        node = pool.fresh++;
    }
    LpmNode& made = at(node);
    made.child[0].store(kNoNode, std::memory_order_relaxed);
    made.child[1].store(kNoNode, std::memory_order_relaxed);
    made.prefix_bits = static_cast<uint16_t>(prefix_bits);
    std::copy_n(words, words_, made.words);
    return node;
}

uint32_t LpmNodes::take_entry(const uint64_t* words, uint32_t prefix_bits) {
    return take(entries_, words, prefix_bits);
}

uint32_t LpmNodes::take_fork(const uint64_t* words, uint32_t prefix_bits) {
    return take(forks_, words, prefix_bits);
}

void LpmNodes::retire(uint32_t node) {
    Pool& pool = is_entry(node) ? entries_ : forks_;
    if (pool.grace.add(node, [this](uint32_t n) -> uint32_t& { return at(n).pool_link; }))
        collect(pool);
}

}  // namespace weir::maps
