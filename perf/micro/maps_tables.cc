#include "perf/micro/maps_tables.h"

#include <rte_errno.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>

#include <cstdio>

#include "maps/maps.h"

namespace weir::perf {

std::unique_ptr<vm::Map> make_map(const vm::MapSpec& spec, uint32_t cpu_slots) {
    auto map = maps::create_map(spec, cpu_slots);
    if (map) return std::move(*map);
    std::fprintf(stderr, "%s\n", map.error().message.c_str());
    return nullptr;
}

std::unique_ptr<DpdkHash> DpdkHash::make(uint32_t key_bytes, uint32_t entries) {
    const uint64_t before = dpdk_heap_bytes();
    rte_hash_parameters parameters{};
    parameters.name = "hash";
    parameters.entries = 2 * entries;
    parameters.key_len = key_bytes;
    parameters.hash_func = rte_hash_crc;
    parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF;
    rte_hash* table = rte_hash_create(&parameters);
    if (table == nullptr) {
        std::fprintf(stderr, "rte_hash of %u entries: %s\n", entries, rte_strerror(rte_errno));
        return nullptr;
    }
    return std::unique_ptr<DpdkHash>(new DpdkHash(table, dpdk_heap_bytes() - before));
}

uint64_t dpdk_heap_bytes() {
    rte_malloc_socket_stats stats{};
    return rte_malloc_get_socket_stats(0, &stats) == 0 ? stats.heap_allocsz_bytes : 0;
}

}  // namespace weir::perf
