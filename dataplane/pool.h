#pragma once
// The packet memory.

#include <rte_mempool.h>

#include <cstdint>
#include <span>

#include "vm/base/limits.h"
#include "vm/base/result.h"

namespace weir::dataplane {

/// The private area lies right below a packet's buffer, so that it continues DPDK's headroom
/// downwards: with both, a program finds the headroom that XDP promises without one byte being
/// moved.
constexpr uint16_t kPrivateBytes = kPacketHeadroomBytes - RTE_PKTMBUF_HEADROOM;

struct PoolRequest {
    uint32_t packets = 0;
    uint32_t frame_bytes = 0;  ///< longest frame that must fit into one buffer
    int numa_socket = 0;
};

/// Refused, with the sum, when the pools do not fit into `memory_bytes` together.
Result<void> check_pools(std::span<const PoolRequest> requests, uint64_t memory_bytes);

/// Packets one buffer each, densely laid out. The first is called "weir_packets", the others
/// "weir_packets_1" and so on. Lives until rte_mempool_free.
Result<rte_mempool*> create_pool(const PoolRequest& request, uint32_t number);

/// The longest frame that one buffer of the pool holds as it is received.
uint32_t frame_bytes_of(const rte_mempool& pool);

/// The longest frame, in steps of 64 bytes, whose buffer with all that belongs to it takes at most
/// `object_bytes` of a pool. 0: none.
uint32_t frame_bytes_within(uint32_t object_bytes);

}  // namespace weir::dataplane
