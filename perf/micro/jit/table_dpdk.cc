// DPDK's side of table_sides.h.

#include <rte_errno.h>
#include <rte_fib.h>

#include <cstdio>

#include "perf/micro/jit/table_sides.h"
#include "perf/micro/maps_tables.h"
#include "perf/micro/thread_cpu.h"

namespace weir::perf {
namespace {

constexpr uint32_t kBulkKeys = kFrameCount;

class HashTable final : public DpdkTable {
public:
    HashTable(std::unique_ptr<DpdkHash> hash, const std::vector<Flow>& asked)
        : hash_(std::move(hash)), asked_(asked) {}

    double time(uint32_t passes) override {
        const double start = thread_cpu_ns();
        for (uint32_t pass = 0; pass < passes; ++pass) {
            std::array<const void*, kBulkKeys> keys;
            for (uint32_t i = 0; i < kBulkKeys; ++i) keys[i] = &asked_[next_ + i];
            std::array<int32_t, kBulkKeys> positions;
            rte_hash_lookup_bulk(hash_->table(), keys.data(), kBulkKeys, positions.data());
            asm volatile("" : : "r"(positions.data()) : "memory");
            next_ = (next_ + kBulkKeys) % kFlowsAsked;
        }
        return (thread_cpu_ns() - start) / passes / kBulkKeys;
    }

private:
    std::unique_ptr<DpdkHash> hash_;
    std::vector<Flow> asked_;
    uint32_t next_ = 0;
};

class FibTable final : public DpdkTable {
public:
    FibTable(rte_fib* fib, const std::vector<Flow>& asked) : fib_(fib) {
        for (const Flow& flow : asked) addresses_.push_back(__builtin_bswap32(flow.destination));
    }
    ~FibTable() override { rte_fib_free(fib_); }

    double time(uint32_t passes) override {
        const double start = thread_cpu_ns();
        for (uint32_t pass = 0; pass < passes; ++pass) {
            std::array<uint64_t, kBulkKeys> hops;
            rte_fib_lookup_bulk(fib_, &addresses_[next_], hops.data(), kBulkKeys);
            asm volatile("" : : "r"(hops.data()) : "memory");
            next_ = (next_ + kBulkKeys) % kFlowsAsked;
        }
        return (thread_cpu_ns() - start) / passes / kBulkKeys;
    }

private:
    rte_fib* fib_;
    std::vector<uint32_t> addresses_;
    uint32_t next_ = 0;
};

std::shared_ptr<DpdkTable> missing(const char* what) {
    std::fprintf(stderr, "DPDK: %s: %s\n", what, rte_strerror(rte_errno));
    return nullptr;
}

std::shared_ptr<DpdkTable> make_hash(const TableShape& shape, const TableKeys& keys) {
    auto hash = DpdkHash::make(sizeof(Flow), shape.entries);
    if (!hash) return nullptr;
    for (const std::vector<uint8_t>& key : keys.contents)
        if (rte_hash_add_key(hash->table(), key.data()) < 0) return missing("rte_hash is full");
    return std::make_shared<HashTable>(std::move(hash), keys.asked);
}

std::shared_ptr<DpdkTable> make_fib(const TableShape& shape, const TableKeys& keys) {
    rte_fib_conf configuration{};
    configuration.type = RTE_FIB_DIR24_8;
    configuration.max_routes = static_cast<int>(shape.entries);
    configuration.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
    configuration.dir24_8.num_tbl8 = 1 << 15;
    rte_fib* const fib = rte_fib_create("fib", 0, &configuration);
    if (fib == nullptr) return missing("rte_fib is not made");
    uint64_t number = 0;
    for (const std::vector<uint8_t>& key : keys.contents) {
        uint32_t bits, address_be32;
        std::memcpy(&bits, key.data(), sizeof bits);
        std::memcpy(&address_be32, key.data() + sizeof bits, sizeof address_be32);
        if (rte_fib_add(fib, __builtin_bswap32(address_be32), static_cast<uint8_t>(bits),
                        ++number) == 0)
            continue;
        rte_fib_free(fib);
        return missing("rte_fib is full");
    }
    return std::make_shared<FibTable>(fib, keys.asked);
}

}  // namespace

std::shared_ptr<DpdkTable> DpdkTable::make(const TableShape& shape, const TableKeys& keys) {
    return shape.is_lpm() ? make_fib(shape, keys) : make_hash(shape, keys);
}

}  // namespace weir::perf
