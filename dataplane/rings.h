#pragma once
// DPDK rings with one producer and one consumer.

#include <rte_ring.h>

#include <cstdint>
#include <memory>
#include <string>

#include "vm/base/result.h"

namespace weir::dataplane {

struct RingFree {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
};
using Ring = std::unique_ptr<rte_ring, RingFree>;

/// `packets`: room for one less, a power of two. Error: no memory.
Result<Ring> make_ring(const std::string& name, uint32_t packets, int numa_socket);

}  // namespace weir::dataplane
