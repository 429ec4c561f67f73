// lpm_trie beside DPDK's rte_fib (dir24_8) and rte_fib6 (trie), each with next hops of four bytes,
// in one run: look-ups one at a time and 32 at a time, of addresses inside the prefixes and of
// addresses anywhere, with and without reading what was found (DPDK's tables hold the next hop
// itself, so that reading costs them nothing). Then what filling costs.
//
// Both sides take turns in short rounds, so that a busy machine slows both. With free huge pages
// both have them.

#include <benchmark/benchmark.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "maps/maps.h"
#include "perf/micro/dpdk_start.h"
#include "perf/micro/lpm_tables.h"
#include "perf/micro/ratio_table.h"
#include "perf/micro/thread_cpu.h"
#include "vm/base/check.h"

using namespace weir;

namespace {

constexpr uint32_t kQueries = 1u << 16;
constexpr uint32_t kBulk = 32;
constexpr size_t kRounds = 15;
constexpr const char* kWays[] = {"dpdk", "weir", "weir, value read"};

using Address = std::array<uint8_t, 16>;

double seconds_of(const auto& body) {
    const double start = perf::thread_cpu_ns();
    body();
    return (perf::thread_cpu_ns() - start) / 1e9;
}

/// Of the second of two runs: the other side has used the caches before.
double warm_ns(const auto& body) {
    body();
    return seconds_of(body) * 1e9;
}

/// Ours, with the keys that programs would pass.
class Trie {
public:
    Trie(uint32_t address_bytes, const std::vector<perf::Prefix>& table) : bytes_(address_bytes) {
        auto made = maps::create_map({.name = "l",
                                      .type = vm::MapType::LpmTrie,
                                      .key_bytes = 4 + address_bytes,
                                      .value_bytes = 8,
                                      .entries_max = static_cast<uint32_t>(table.size()),
                                      .flags = vm::kMapNoPrealloc},
                                     1);
        WEIR_CHECK(made.has_value());
        map_ = std::move(*made);
        const double seconds = seconds_of([&] { fill(table); });
        std::printf(
            "filled %zu prefixes of %u bytes in %.3f s, %.2f us each; %.1f MiB, used %.1f\n",
            table.size(), bytes_, seconds, seconds * 1e6 / static_cast<double>(table.size()),
            static_cast<double>(map_->memory_bytes()) / (1 << 20),
            static_cast<double>(map_->used_bytes()) / (1 << 20));
    }

    void ask(const std::vector<Address>& addresses) {
        keys_.resize(addresses.size() * stride());
        for (size_t i = 0; i < addresses.size(); ++i) {
            const uint32_t bits = bytes_ * 8;
            std::memcpy(&keys_[i * stride()], &bits, 4);
            std::memcpy(&keys_[i * stride() + 4], addresses[i].data(), bytes_);
        }
    }
    template <bool kRead>
    void one_by_one() {
        const vm::LookupFn look_up = map_->lookup_function();
        for (uint32_t i = 0; i < kQueries; ++i)
            take<kRead>(look_up(*map_, &keys_[i * stride()], 0));
    }
    template <bool kRead>
    void in_bulk() {
        uint8_t* values[kBulk];
        const uint8_t* keys[kBulk];
        for (uint32_t i = 0; i < kQueries; i += kBulk) {
            for (uint32_t n = 0; n < kBulk; ++n) keys[n] = &keys_[(i + n) * stride()];
            map_->lookup_bulk(keys, kBulk, values, 0);
            for (uint8_t* value : values) take<kRead>(value);
        }
    }

private:
    uint32_t stride() const { return 4 + bytes_; }
    void fill(const std::vector<perf::Prefix>& table) {
        uint8_t key[20];
        for (const perf::Prefix& prefix : table) {
            const uint64_t value = prefix.bits;
            std::memcpy(key, &prefix.bits, 4);
            std::memcpy(key + 4, prefix.address.data(), bytes_);
            WEIR_CHECK(
                map_->control_update(key, {reinterpret_cast<const uint8_t*>(&value), 8}, 0) == 0);
        }
    }
    template <bool kRead>
    static void take(uint8_t* value) {
        if constexpr (kRead) {
            uint8_t first = value != nullptr ? *value : uint8_t{0};
            benchmark::DoNotOptimize(first);
        } else {
            benchmark::DoNotOptimize(value);
        }
    }

    uint32_t bytes_;
    std::unique_ptr<vm::Map> map_;
    std::vector<uint8_t> keys_;
};

class Fib4 {
public:
    explicit Fib4(const std::vector<perf::Prefix>& table) {
        rte_fib_conf configuration{};
        configuration.type = RTE_FIB_DIR24_8;
        configuration.max_routes = static_cast<int>(table.size() * 2);
        configuration.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
        configuration.dir24_8.num_tbl8 = 1 << 16;
        fib_ = rte_fib_create("fib", 0, &configuration);
        WEIR_CHECK(fib_ != nullptr);
        for (const perf::Prefix& prefix : table)
            WEIR_CHECK(rte_fib_add(fib_, number(prefix.address), static_cast<uint8_t>(prefix.bits),
                                   prefix.bits) == 0);
    }
    ~Fib4() { rte_fib_free(fib_); }
    Fib4(const Fib4&) = delete;
    Fib4& operator=(const Fib4&) = delete;

    void ask(const std::vector<Address>& addresses) {
        addresses_.clear();
        for (const Address& address : addresses) addresses_.push_back(number(address));
    }
    void look_up(uint32_t at_once) {
        uint64_t hops[kBulk];
        for (uint32_t i = 0; i < kQueries; i += at_once) {
            rte_fib_lookup_bulk(fib_, &addresses_[i], hops, static_cast<int>(at_once));
            for (uint32_t n = 0; n < at_once; ++n) benchmark::DoNotOptimize(hops[n]);
        }
    }

private:
    static uint32_t number(const Address& address) {
        uint32_t raw;
        std::memcpy(&raw, address.data(), 4);
        return __builtin_bswap32(raw);
    }
    rte_fib* fib_;
    std::vector<uint32_t> addresses_;
};

class Fib6 {
public:
    explicit Fib6(const std::vector<perf::Prefix>& table) {
        rte_fib6_conf configuration{};
        configuration.type = RTE_FIB6_TRIE;
        configuration.max_routes = static_cast<int>(table.size() * 2);
        configuration.trie.nh_sz = RTE_FIB6_TRIE_4B;
        configuration.trie.num_tbl8 = static_cast<uint32_t>(table.size() * 5 / 2);
        fib_ = rte_fib6_create("fib6", 0, &configuration);
        WEIR_CHECK(fib_ != nullptr);
        for (const perf::Prefix& prefix : table)
            WEIR_CHECK(rte_fib6_add(fib_, prefix.address.data(), static_cast<uint8_t>(prefix.bits),
                                    prefix.bits) == 0);
    }
    ~Fib6() { rte_fib6_free(fib_); }
    Fib6(const Fib6&) = delete;
    Fib6& operator=(const Fib6&) = delete;

    void ask(const std::vector<Address>& addresses) { addresses_ = addresses; }
    void look_up(uint32_t at_once) {
        uint64_t hops[kBulk];
        for (uint32_t i = 0; i < kQueries; i += at_once) {
            rte_fib6_lookup_bulk(fib_, reinterpret_cast<uint8_t(*)[16]>(&addresses_[i]), hops,
                                 static_cast<int>(at_once));
            for (uint32_t n = 0; n < at_once; ++n) benchmark::DoNotOptimize(hops[n]);
        }
    }

private:
    rte_fib6* fib_;
    std::vector<Address> addresses_;
};

template <typename Fib>
void measure(perf::RatioTable& table, const std::string& name, Trie& trie, Fib& fib,
             const std::vector<Address>& addresses) {
    trie.ask(addresses);
    fib.ask(addresses);
    const std::function<void()> ways[] = {
        [&] { fib.look_up(1); },          [&] { trie.one_by_one<false>(); },
        [&] { trie.one_by_one<true>(); }, [&] { fib.look_up(kBulk); },
        [&] { trie.in_bulk<false>(); },   [&] { trie.in_bulk<true>(); }};
    constexpr size_t kCount = std::size(ways);
    std::vector<double> times[kCount];
    // In another order each round, so that none always follows the same one.
    std::mt19937_64 random(13);
    std::array<size_t, kCount> order;
    std::iota(order.begin(), order.end(), size_t{0});
    for (size_t round = 0; round < kRounds; ++round) {
        std::ranges::shuffle(order, random);
        for (const size_t way : order) times[way].push_back(warm_ns(ways[way]));
    }
    for (size_t way = 0; way < kCount; ++way) {
        const std::string row = name + (way < 3 ? " one" : " 32");
        for (const double time : times[way]) table.add(row, kWays[way % 3], time);
    }
}

template <typename Fib>
void compare(perf::RatioTable& table, const std::string& name, uint32_t address_bytes,
             const std::vector<perf::Prefix>& prefixes) {
    Trie trie(address_bytes, prefixes);
    Fib fib(prefixes);
    measure(table, name + " inside", trie, fib, perf::addresses_inside(prefixes, kQueries));
    measure(table, name + " anywhere", trie, fib,
            perf::addresses_anywhere(address_bytes == 16, kQueries));
}

}  // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (!perf::start_dpdk(argv[0])) return 1;
    // --small: to see that it works.
    const uint32_t scale = argc > 1 && std::strcmp(argv[1], "--small") == 0 ? 100 : 1;
    perf::RatioTable table("ns per look-up", kWays, kQueries);
    for (const uint32_t count : {1'000u, 100'000u, 1'000'000u})
        compare<Fib4>(table, "ipv4 " + std::to_string(count), 4, perf::draw_table4(count / scale));
    for (const uint32_t count : {20'000u, 200'000u})
        compare<Fib6>(table, "ipv6 " + std::to_string(count), 16, perf::draw_table6(count / scale));
    table.Finalize();
    rte_eal_cleanup();
    return 0;
}
