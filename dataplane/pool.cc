#include "dataplane/pool.h"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

namespace weir::dataplane {
namespace {

constexpr uint32_t kCachePackets = 256;  ///< per lcore
/// AF_XDP puts a packet XDP_PACKET_HEADROOM behind the headroom that it is given; the same room
/// serves bpf_xdp_adjust_tail.
constexpr uint32_t kSlackBytes = kPacketHeadroomBytes;
constexpr uint32_t kRoundBytes = 64;

Result<rte_mempool*> refuse(rte_mempool* pool, const char* step, int error) {
    rte_mempool_free(pool);
    return fail(ErrorKind::kResource,
                fmt::format("packet memory: {}: {}", step, rte_strerror(error)));
}

}  // namespace

Result<rte_mempool*> create_pool(const PoolRequest& request) {
    const uint32_t room =
        (RTE_PKTMBUF_HEADROOM + kSlackBytes + request.frame_bytes + kRoundBytes - 1) / kRoundBytes *
        kRoundBytes;
    const uint32_t element_bytes = static_cast<uint32_t>(sizeof(rte_mbuf)) + kPrivateBytes + room;
    const uint64_t total_bytes = static_cast<uint64_t>(request.packets) *
                                 rte_mempool_calc_obj_size(element_bytes, 0, nullptr);
    if (total_bytes > request.memory_bytes) {
        return fail(
            ErrorKind::kResource,
            fmt::format("memory.size: {} packets of {} bytes need {} MiB, but it says {} MiB",
                        request.packets, element_bytes, (total_bytes >> 20) + 1,
                        request.memory_bytes >> 20));
    }
    // Without physical contiguity objects may cross pages. With it, and pages of 4 KiB, each object
    // would take a page of its own.
    const unsigned flags = rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
    rte_mempool* pool =
        rte_mempool_create_empty("weir_packets", request.packets, element_bytes, kCachePackets,
                                 sizeof(rte_pktmbuf_pool_private), request.numa_socket, flags);
    if (pool == nullptr) return refuse(nullptr, "create", rte_errno);
    const int ops = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr);
    if (ops != 0) return refuse(pool, "operations", -ops);
    rte_pktmbuf_pool_private sizes{};
    sizes.mbuf_data_room_size = static_cast<uint16_t>(room);
    sizes.mbuf_priv_size = kPrivateBytes;
    rte_pktmbuf_pool_init(pool, &sizes);
    const int populated = rte_mempool_populate_default(pool);
    if (populated < 0) return refuse(pool, "allocate", -populated);
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
    return pool;
}

}  // namespace weir::dataplane
