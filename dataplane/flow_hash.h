#pragma once
// Which worker a packet belongs to: the hash of receive-side scaling (Toeplitz, with the key 0x6d5a
// repeated, which gives both directions of a flow one hash: Woo and Park, "Scalable TCP Session
// Monitoring with Symmetric Receive-side Scaling", 2012), computed here for devices that have too
// few queues to do it.
//
// Addresses and ports are hashed for TCP, UDP, UDP-Lite, DCCP and SCTP, addresses for the rest of
// IP, the pair of MACs for what is not IP. VLAN tags, MPLS labels, PPPoE, and the outer headers of
// IP in IP, GRE, VXLAN, Geneve and GTP-U are passed over.
//
// Fragments but the first have no ports. So that a flow of which some packets are fragments keeps
// its order, its pair of addresses is remembered from the first fragment on, and all that the two
// send each other is hashed by their addresses alone. Order can be lost once per pair, when that
// begins.

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "vm/base/bytes.h"

namespace weir::dataplane {

/// The hash as Microsoft specifies it for RSS; `key` has 4 bytes more than `input` at least.
constexpr uint32_t toeplitz_hash(std::span<const uint8_t> key, std::span<const uint8_t> input) {
    uint32_t window =
        uint32_t{key[0]} << 24 | uint32_t{key[1]} << 16 | uint32_t{key[2]} << 8 | uint32_t{key[3]};
    uint32_t hash = 0;
    for (size_t i = 0; i < input.size(); ++i) {
        for (uint32_t bit = 0; bit < 8; ++bit) {
            if (input[i] >> (7 - bit) & 1) hash ^= window;
            window = window << 1 | (key[i + 4] >> (7 - bit) & 1);
        }
    }
    return hash;
}

/// The key whose period of 16 bits makes the hash symmetric.
constexpr std::array<uint8_t, 40> kSymmetricKey = [] {
    std::array<uint8_t, 40> key{};
    for (size_t i = 0; i < key.size(); ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
    return key;
}();

/// Pairs of addresses that sent fragments, by their hash. Shared by all workers: read for every
/// packet, written when a new pair begins. Pairs are never forgotten: who is taken for one of them
/// is spread by addresses, which costs nothing but evenness.
class FragmentedPairs {
public:
    bool contains(uint16_t pair) const {
        return words_[pair / 64].load(std::memory_order_relaxed) >> (pair % 64) & 1;
    }
    void add(uint16_t pair) {
        words_[pair / 64].fetch_or(uint64_t{1} << (pair % 64), std::memory_order_relaxed);
    }

private:
    std::array<std::atomic<uint64_t>, 1024> words_{};  ///< relaxed: each bit stands for itself
};

/// Upper half of the 32-bit hash; the lower is the same. Of `frame`, what lies in one piece is
/// looked at, down to no byte.
uint16_t flow_hash(ByteSpan frame, FragmentedPairs& fragmented);

/// Of `workers`, the one that a hash belongs to.
constexpr uint32_t worker_of(uint16_t hash, uint32_t workers) {
    return hash * workers >> 16;
}

}  // namespace weir::dataplane
