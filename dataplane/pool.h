#pragma once
// The packet memory.

#include <rte_mempool.h>

#include <cstdint>

#include "vm/base/limits.h"
#include "vm/base/result.h"

namespace weir::dataplane {

/// The private area lies right below a packet's buffer, so that it continues DPDK's headroom
/// downwards: with both, a program finds the headroom that XDP promises without one byte being
/// moved.
constexpr uint16_t kPrivateBytes = kPacketHeadroomBytes - RTE_PKTMBUF_HEADROOM;

struct PoolRequest {
    uint32_t packets = 0;
    uint32_t frame_bytes = 0;   ///< longest frame that must fit into one buffer
    uint64_t memory_bytes = 0;  ///< what the pool may take
    int numa_socket = 0;
};

/// Packets one buffer each, densely laid out. Refused when they do not fit into `memory_bytes`.
/// Lives until rte_mempool_free.
Result<rte_mempool*> create_pool(const PoolRequest& request);

}  // namespace weir::dataplane
