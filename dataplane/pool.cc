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

uint32_t room_for(uint32_t frame_bytes) {
    return (RTE_PKTMBUF_HEADROOM + kSlackBytes + frame_bytes + kRoundBytes - 1) / kRoundBytes *
           kRoundBytes;
}

uint32_t element_bytes_for(uint32_t frame_bytes) {
    return static_cast<uint32_t>(sizeof(rte_mbuf)) + kPrivateBytes + room_for(frame_bytes);
}

uint64_t pool_bytes(const PoolRequest& request) {
    return static_cast<uint64_t>(request.packets) *
           rte_mempool_calc_obj_size(element_bytes_for(request.frame_bytes), 0, nullptr);
}

}  // namespace

Result<void> check_pools(std::span<const PoolRequest> requests, uint64_t memory_bytes) {
    uint64_t total_bytes = 0;
    std::string parts;
    for (const PoolRequest& request : requests) {
        total_bytes += pool_bytes(request);
        parts += fmt::format("{}{} packets of {} bytes", parts.empty() ? "" : " and ",
                             request.packets, element_bytes_for(request.frame_bytes));
    }
    if (total_bytes <= memory_bytes) return {};
    return fail(ErrorKind::kResource,
                fmt::format("memory.size: {} need {} MiB, but it says {} MiB", parts,
                            (total_bytes >> 20) + 1, memory_bytes >> 20));
}

uint32_t frame_bytes_of(const rte_mempool& pool) {
    const uint32_t room = rte_pktmbuf_data_room_size(const_cast<rte_mempool*>(&pool));
    return room - RTE_PKTMBUF_HEADROOM - kSlackBytes;
}

uint32_t frame_bytes_within(uint32_t object_bytes) {
    uint32_t frame_bytes = object_bytes / kRoundBytes * kRoundBytes;
    // DPDK may pad an object, so that neighbours lie in different memory channels.
    while (frame_bytes != 0 &&
           rte_mempool_calc_obj_size(element_bytes_for(frame_bytes), 0, nullptr) > object_bytes)
        frame_bytes -= kRoundBytes;
    return frame_bytes;
}

Result<rte_mempool*> create_pool(const PoolRequest& request, uint32_t number) {
    const std::string name = number == 0 ? "weir_packets" : fmt::format("weir_packets_{}", number);
    const uint32_t element_bytes = element_bytes_for(request.frame_bytes);
    // Without physical contiguity objects may cross pages. With it, and pages of 4 KiB, each object
    // would take a page of its own.
    const unsigned flags = rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
    rte_mempool* pool =
        rte_mempool_create_empty(name.c_str(), request.packets, element_bytes, kCachePackets,
                                 sizeof(rte_pktmbuf_pool_private), request.numa_socket, flags);
    if (pool == nullptr) return refuse(nullptr, "create", rte_errno);
    const int ops = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr);
    if (ops != 0) return refuse(pool, "operations", -ops);
    rte_pktmbuf_pool_private sizes{};
    sizes.mbuf_data_room_size = static_cast<uint16_t>(room_for(request.frame_bytes));
    sizes.mbuf_priv_size = kPrivateBytes;
    rte_pktmbuf_pool_init(pool, &sizes);
    const int populated = rte_mempool_populate_default(pool);
    if (populated < 0) return refuse(pool, "allocate", -populated);
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
    return pool;
}

}  // namespace weir::dataplane
