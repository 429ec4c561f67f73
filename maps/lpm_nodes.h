#pragma once
// The nodes of an LPM trie: a pool of fixed size, and what waits until readers have moved on.

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "maps/reclaim.h"
#include "maps/region.h"
#include "maps/words.h"
#include "vm/base/result.h"

namespace weir::maps {

constexpr uint32_t kNoNode = 0xffffffff;
constexpr uint32_t kLpmLengthBytes = 4;        ///< the prefix length in front of the address
constexpr uint32_t kLpmAddressBytesMax = 256;  ///< LPM_DATA_SIZE_MAX
constexpr uint32_t kLpmWordsMax = kLpmAddressBytesMax / 8;

/// An address as numbers, most significant first, so that bit 0 of the prefix is bit 63 of the
/// first.
inline uint64_t address_word(const uint8_t* address, uint32_t bytes, uint32_t word) {
    const uint32_t at = word * 8;
    const uint64_t raw =
        bytes - at >= 8 ? load_private_word(address + at) : load_partial(address + at, bytes - at);
    return __builtin_bswap64(raw);
}

/// A key taken apart.
struct LpmKey {
    uint32_t prefix_bits;
    std::array<uint64_t, kLpmWordsMax> words;

    bool bit(uint32_t index) const { return (words[index / 64] >> (63 - index % 64) & 1) != 0; }
};

/// Header of a node; the address words follow, then the value. Everything but children and
/// `intermediate` is written before the node is published and not changed while a reader may see
/// it.
struct LpmNode {
    std::atomic<uint32_t> child[2];  ///< kNoNode: none
    uint16_t prefix_bits;
    std::atomic<uint8_t> intermediate;  ///< 1: holds no entry, has two children
    uint8_t unused;
    uint32_t pool_link;  ///< writers only: children stay as they are while readers may follow them
    uint64_t words[];

    bool bit(uint32_t index) const { return (words[index / 64] >> (63 - index % 64) & 1) != 0; }
};

/// Threads: at() anyone; the others under the trie's writer lock.
class LpmNodes {
public:
    /// For `entries_max` entries: each may need an intermediate node beside its own, and some nodes
    /// wait for readers.
    static Result<LpmNodes> create(uint32_t entries_max, uint32_t address_bytes,
                                   uint32_t value_bytes, const std::string& map_name);

    LpmNode& at(uint32_t node) const {
        return *reinterpret_cast<LpmNode*>(memory_.data() + node * stride_);
    }
    uint8_t* value(uint32_t node) const {
        return memory_.data() + node * stride_ + sizeof(LpmNode) + words_ * 8;
    }
    uint32_t words() const { return words_; }
    uint32_t address_bytes() const { return address_bytes_; }
    uint64_t memory_bytes() const { return memory_.bytes(); }

    /// True when `count` nodes can be taken. False: all that are left wait for readers.
    bool reserve(uint32_t count);
    /// One of the reserved nodes, not intermediate, without children.
    uint32_t take(const uint64_t* words, uint32_t prefix_bits);
    /// Out of sight of new readers: free again after a grace period.
    void retire(uint32_t node);

private:
    /// Nodes linked through pool_link.
    struct List {
        uint32_t first = kNoNode;
        uint32_t last = kNoNode;
        uint32_t count = 0;
    };
    void append(List& list, uint32_t node);
    void append_all(List& list, List& other);

    LpmNodes(Region memory, uint64_t stride, uint32_t address_bytes, uint32_t node_count);
    void reclaim();

    Region memory_;
    uint64_t stride_;
    uint32_t address_bytes_;
    uint32_t words_;
    List free_;
    uint32_t fresh_ = 0;  ///< nodes from here on were never used
    uint32_t node_count_;
    List waiting_;  ///< free when readers have passed token_
    GraceToken token_ = 0;
    List retired_;  ///< no grace period begun yet
};

}  // namespace weir::maps
