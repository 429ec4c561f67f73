// What a look-up costs, beside DPDK's tables in the same run: rte_hash (lock-free readers) and
// rte_fib (dir24_8), one at a time. Times are per look-up of one key, drawn at random from a list
// that was shuffled beforehand.
//
// With free huge pages (128 of 2 MiB) both sides have them; otherwise DPDK works on 4 KiB pages,
// which the label says.

#include <benchmark/benchmark.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "maps/maps.h"
#include "perf/micro/dpdk_start.h"

namespace weir {
namespace {

constexpr uint32_t kQueries = 1u << 16;  ///< a power of two

struct Key16 {
    uint64_t words[2];
};

template <typename Key>
Key key_of(uint64_t number) {
    Key key{};
    std::memcpy(&key, &number, std::min(sizeof key, sizeof number));
    return key;
}

/// `miss`: keys that are not among the first `entries` numbers.
template <typename Key>
std::vector<Key> draw_queries(uint64_t entries, bool miss) {
    std::mt19937_64 random(42);
    std::vector<Key> queries(kQueries);
    for (Key& query : queries) query = key_of<Key>(random() % entries + (miss ? entries : 0));
    return queries;
}

std::unique_ptr<vm::Map> make_map(const vm::MapSpec& spec) {
    auto map = maps::create_map(spec, 2);
    if (!map) {
        std::fprintf(stderr, "%s\n", map.error().message.c_str());
        std::exit(1);
    }
    return std::move(*map);
}

template <typename Key>
void weir_hash(benchmark::State& state, bool miss) {
    const auto entries = static_cast<uint32_t>(state.range(0));
    const auto map = make_map({.name = "h",
                               .type = vm::MapType::Hash,
                               .key_bytes = sizeof(Key),
                               .value_bytes = 8,
                               .entries_max = entries});
    for (uint64_t number = 0; number < entries; ++number) {
        const Key key = key_of<Key>(number);
        if (map->update(reinterpret_cast<const uint8_t*>(&key),
                        reinterpret_cast<const uint8_t*>(&number), 0, 0) != 0) {
            state.SkipWithError("full");
        }
    }
    const std::vector<Key> queries = draw_queries<Key>(entries, miss);
    uint32_t at = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            map->lookup(reinterpret_cast<const uint8_t*>(&queries[at++ % kQueries]), 0));
    }
}

template <typename Key>
void dpdk_hash(benchmark::State& state, bool miss) {
    const auto entries = static_cast<uint32_t>(state.range(0));
    rte_hash_parameters parameters{};
    parameters.name = "hash";
    parameters.entries = 2 * entries;
    parameters.key_len = sizeof(Key);
    parameters.hash_func = rte_hash_crc;
    parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF;
    rte_hash* hash = rte_hash_create(&parameters);
    if (hash == nullptr) {
        state.SkipWithError(rte_strerror(rte_errno));
        return;
    }
    for (uint64_t number = 0; number < entries; ++number) {
        const Key key = key_of<Key>(number);
        if (rte_hash_add_key(hash, &key) < 0) state.SkipWithError("full");
    }
    const std::vector<Key> queries = draw_queries<Key>(entries, miss);
    uint32_t at = 0;
    for (auto _ : state) benchmark::DoNotOptimize(rte_hash_lookup(hash, &queries[at++ % kQueries]));
    state.SetLabel(perf::dpdk_has_huge_pages() ? "" : "4 KiB pages");
    rte_hash_free(hash);
}

struct Route {
    uint32_t bits;
    uint32_t address;  ///< in host order
};

/// Lengths roughly as in a real table: 60 % /24, the rest between /8 and /32.
std::vector<Route> draw_routes(uint32_t count) {
    std::mt19937_64 random(7);
    std::vector<Route> routes(count);
    for (Route& route : routes) {
        route.bits = random() % 10 < 6 ? 24 : 8 + static_cast<uint32_t>(random() % 17);
        if (random() % 50 == 0) route.bits = 25 + static_cast<uint32_t>(random() % 8);
        route.address = static_cast<uint32_t>(random()) & (~0u << (32 - route.bits));
    }
    return routes;
}

/// Addresses within the routes, so that look-ups go deep.
std::vector<Route> draw_addresses(const std::vector<Route>& routes) {
    std::mt19937_64 random(9);
    std::vector<Route> queries(kQueries);
    for (Route& query : queries) {
        const Route& route = routes[random() % routes.size()];
        const uint32_t host_bits =
            route.bits == 32 ? 0 : static_cast<uint32_t>(random()) >> route.bits;
        query = {32, route.address | host_bits};
    }
    return queries;
}

void weir_lpm(benchmark::State& state) {
    const auto count = static_cast<uint32_t>(state.range(0));
    const auto map = make_map({.name = "l",
                               .type = vm::MapType::LpmTrie,
                               .key_bytes = 8,
                               .value_bytes = 8,
                               .entries_max = count,
                               .flags = vm::kMapNoPrealloc});
    const std::vector<Route> routes = draw_routes(count);
    for (const Route& route : routes) {
        const Route key{route.bits, __builtin_bswap32(route.address)};
        const uint64_t value = route.bits;
        if (map->update(reinterpret_cast<const uint8_t*>(&key),
                        reinterpret_cast<const uint8_t*>(&value), 0, 0) != 0) {
            state.SkipWithError("full");
        }
    }
    std::vector<Route> queries = draw_addresses(routes);
    for (Route& query : queries) query.address = __builtin_bswap32(query.address);
    uint32_t at = 0;
    for (auto _ : state) {
        const uint8_t* value =
            map->lookup(reinterpret_cast<const uint8_t*>(&queries[at++ % kQueries]), 0);
        benchmark::DoNotOptimize(*value);
    }
    state.counters["map_MiB"] = static_cast<double>(map->memory_bytes()) / (1 << 20);
}

void dpdk_fib(benchmark::State& state) {
    const auto count = static_cast<uint32_t>(state.range(0));
    rte_fib_conf configuration{};
    configuration.type = RTE_FIB_DIR24_8;
    configuration.max_routes = static_cast<int>(count);
    configuration.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
    configuration.dir24_8.num_tbl8 = 1 << 15;
    rte_fib* fib = rte_fib_create("fib", 0, &configuration);
    if (fib == nullptr) {
        state.SkipWithError(rte_strerror(rte_errno));
        return;
    }
    const std::vector<Route> routes = draw_routes(count);
    for (const Route& route : routes) {
        if (rte_fib_add(fib, route.address, static_cast<uint8_t>(route.bits), route.bits) != 0)
            state.SkipWithError("full");
    }
    std::vector<Route> queries = draw_addresses(routes);
    uint32_t at = 0;
    for (auto _ : state) {
        uint64_t next_hop = 0;
        rte_fib_lookup_bulk(fib, &queries[at++ % kQueries].address, &next_hop, 1);
        benchmark::DoNotOptimize(next_hop);
    }
    state.SetLabel(perf::dpdk_has_huge_pages() ? "" : "4 KiB pages");
    rte_fib_free(fib);
}

template <bool kInsert>
void weir_hash_writes(benchmark::State& state) {
    const auto entries = static_cast<uint32_t>(state.range(0));
    const auto map = make_map({.name = "h",
                               .type = vm::MapType::Hash,
                               .key_bytes = 8,
                               .value_bytes = 8,
                               .entries_max = entries});
    const std::vector<uint64_t> queries = draw_queries<uint64_t>(entries, false);
    uint32_t at = 0;
    for (auto _ : state) {
        const auto* key = reinterpret_cast<const uint8_t*>(&queries[at++ % kQueries]);
        benchmark::DoNotOptimize(map->update(key, key, 0, 0));
        if constexpr (kInsert) benchmark::DoNotOptimize(map->erase(key));
    }
}

void hash4(benchmark::State& state, bool miss) {
    weir_hash<uint32_t>(state, miss);
}
void hash16(benchmark::State& state, bool miss) {
    weir_hash<Key16>(state, miss);
}
void rte_hash4(benchmark::State& state, bool miss) {
    dpdk_hash<uint32_t>(state, miss);
}
void rte_hash16(benchmark::State& state, bool miss) {
    dpdk_hash<Key16>(state, miss);
}

BENCHMARK_CAPTURE(hash4, hit, false)->Arg(1 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(rte_hash4, hit, false)->Arg(1 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(hash4, miss, true)->Arg(1 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(rte_hash4, miss, true)->Arg(1 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(hash16, hit, false)->Arg(1 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(rte_hash16, hit, false)->Arg(1 << 10)->Arg(1 << 20);
BENCHMARK(weir_lpm)->Arg(1'000)->Arg(100'000);
BENCHMARK(dpdk_fib)->Arg(1'000)->Arg(100'000);
BENCHMARK(weir_hash_writes<false>)->Name("hash8_replace")->Arg(1 << 10)->Arg(1 << 20);
BENCHMARK(weir_hash_writes<true>)->Name("hash8_insert_and_erase")->Arg(1 << 10)->Arg(1 << 20);

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (!weir::perf::start_dpdk(argv[0])) return 1;
    benchmark::RunSpecifiedBenchmarks();
    rte_eal_cleanup();
    return 0;
}
