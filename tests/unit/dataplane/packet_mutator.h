#pragma once
// Broken packets for the packet path: known packets changed at random, in buffers as no device
// would give them. The same seed makes the same packets.

#include <rte_mbuf.h>

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "vm/base/bytes.h"

namespace weir::dataplane::testing {

class PacketMutator {
public:
    explicit PacketMutator(uint64_t seed);

    /// 0 to about 13,000 bytes. Valid until the next call.
    const Bytes& next();
    /// The bytes in buffers of `pool`: one, or many with empty ones among them, shared, lent from
    /// elsewhere, with a VLAN tag beside them. nullptr where the pool is empty.
    rte_mbuf* wrap(rte_mempool* pool, const Bytes& bytes);
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

private:
    void change();
    void splice();
    rte_mbuf* chain(rte_mempool* pool, const Bytes& bytes);
    rte_mbuf* part_of(rte_mempool* pool, std::span<const uint8_t> bytes);

    std::mt19937_64 random_;
    std::vector<Bytes> known_;
    Bytes bytes_;
};

/// Buffers of `pool` that are not as a pool must get them back: whole, alone, with their own
/// memory.
uint64_t damaged_buffers(rte_mempool* pool);

}  // namespace weir::dataplane::testing
