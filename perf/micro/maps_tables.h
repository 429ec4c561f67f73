#pragma once
// The tables of maps_bench that are called directly.

#include <rte_hash.h>

#include <cstdint>
#include <memory>

#include "vm/program/map.h"

namespace weir::perf {

/// Ours; nullptr, and a line on stderr, where it cannot be made.
std::unique_ptr<vm::Map> make_map(const vm::MapSpec& spec, uint32_t cpu_slots);

/// rte_hash with lock-free readers, with room for twice the entries: it can refuse a key before it
/// is full, and our buckets have as many slots.
class DpdkHash {
public:
    /// nullptr where DPDK has not the memory.
    static std::unique_ptr<DpdkHash> make(uint32_t key_bytes, uint32_t entries);
    ~DpdkHash() { rte_hash_free(table_); }
    DpdkHash(const DpdkHash&) = delete;
    DpdkHash& operator=(const DpdkHash&) = delete;

    rte_hash* table() const { return table_; }
    uint64_t memory_bytes() const { return bytes_; }

private:
    DpdkHash(rte_hash* table, uint64_t bytes) : table_(table), bytes_(bytes) {}

    rte_hash* table_;
    uint64_t bytes_;
};

/// What DPDK's heap has handed out.
uint64_t dpdk_heap_bytes();

}  // namespace weir::perf
