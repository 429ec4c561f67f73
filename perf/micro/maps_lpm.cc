// Longest matching prefixes, called directly, beside rte_fib (dir24_8) and rte_fib6 (trie). A
// look-up reads the value that it finds, since theirs gives the next hop itself.

#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "perf/micro/maps_routes.h"
#include "perf/micro/maps_rows.h"
#include "perf/micro/maps_tables.h"

namespace weir::perf {
namespace {

constexpr uint32_t kBitsBytes = 4;  ///< of a key, before the address

uint32_t bits_of(const uint8_t* key) {
    uint32_t bits = 0;
    std::memcpy(&bits, key, sizeof bits);
    return bits;
}

/// As rte_fib has it.
uint32_t host_address(const uint8_t* key) {
    uint32_t address = 0;
    std::memcpy(&address, key + kBitsBytes, sizeof address);
    return __builtin_bswap32(address);
}

std::unique_ptr<vm::Map> filled_map(const KeyList& prefixes) {
    auto map = make_map({.name = "lpm",
                         .type = vm::MapType::LpmTrie,
                         .key_bytes = prefixes.key_bytes(),
                         .value_bytes = 8,
                         .entries_max = static_cast<uint32_t>(prefixes.size()),
                         .flags = vm::kMapNoPrealloc},
                        1);
    for (size_t i = 0; map && i < prefixes.size(); ++i) {
        const uint64_t value = bits_of(prefixes.at(i));
        const auto* const bytes = reinterpret_cast<const uint8_t*>(&value);
        if (map->control_update(prefixes.at(i), {bytes, sizeof value}, 0) != 0) map.reset();
    }
    return map;
}

/// A fib of DPDK and what it takes of DPDK's heap.
template <typename Fib, auto kFree>
struct OwnedFib {
    OwnedFib(Fib* made, uint64_t taken) : fib(made), bytes(taken) {}
    ~OwnedFib() { kFree(fib); }
    OwnedFib(const OwnedFib&) = delete;
    OwnedFib& operator=(const OwnedFib&) = delete;
    Fib* fib;
    uint64_t bytes;
};
using Fib4 = OwnedFib<rte_fib, rte_fib_free>;
using Fib6 = OwnedFib<rte_fib6, rte_fib6_free>;

template <typename Owned>
std::unique_ptr<Owned> no_fib(const char* why) {
    std::fprintf(stderr, "fib: %s: %s\n", why, rte_strerror(rte_errno));
    return nullptr;
}

std::unique_ptr<Fib4> filled_fib4(const KeyList& prefixes) {
    const uint64_t before = dpdk_heap_bytes();
    rte_fib_conf configuration{};
    configuration.type = RTE_FIB_DIR24_8;
    configuration.max_routes = static_cast<int>(prefixes.size());
    configuration.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
    configuration.dir24_8.num_tbl8 = 1 << 15;
    rte_fib* const fib = rte_fib_create("fib", 0, &configuration);
    if (fib == nullptr) return no_fib<Fib4>("not made");
    for (size_t i = 0; i < prefixes.size(); ++i) {
        const uint32_t bits = bits_of(prefixes.at(i));
        if (rte_fib_add(fib, host_address(prefixes.at(i)), static_cast<uint8_t>(bits), bits) == 0)
            continue;
        rte_fib_free(fib);
        return no_fib<Fib4>("full");
    }
    return std::make_unique<Fib4>(fib, dpdk_heap_bytes() - before);
}

std::unique_ptr<Fib6> filled_fib6(const KeyList& prefixes) {
    const uint64_t before = dpdk_heap_bytes();
    rte_fib6_conf configuration{};
    configuration.type = RTE_FIB6_TRIE;
    configuration.max_routes = static_cast<int>(prefixes.size());
    configuration.trie.nh_sz = RTE_FIB6_TRIE_4B;
    configuration.trie.num_tbl8 = 1 << 19;
    rte_fib6* const fib = rte_fib6_create("fib6", 0, &configuration);
    if (fib == nullptr) return no_fib<Fib6>("not made");
    for (size_t i = 0; i < prefixes.size(); ++i) {
        const uint8_t* const key = prefixes.at(i);
        const uint32_t bits = bits_of(key);
        if (rte_fib6_add(fib, key + kBitsBytes, static_cast<uint8_t>(bits), bits) == 0) continue;
        rte_fib6_free(fib);
        return no_fib<Fib6>("full");
    }
    return std::make_unique<Fib6>(fib, dpdk_heap_bytes() - before);
}

void look_up_weir(benchmark::State& state, vm::Map& map, const KeyList& keys) {
    const vm::LookupFn look_up = map.lookup_function();
    size_t at = 0;
    uint64_t sum = 0;
    for (auto _ : state) {
        const uint8_t* const value = look_up(map, keys.at(at++ & (keys.size() - 1)), 0);
        sum += *value;
    }
    benchmark::DoNotOptimize(sum);
}

void look_up_weir_bulk(benchmark::State& state, vm::Map& map, const KeyList& keys) {
    std::array<const uint8_t*, kBulkKeys> bulk;
    std::array<uint8_t*, kBulkKeys> values;
    size_t at = 0;
    uint64_t sum = 0;
    while (state.KeepRunningBatch(kBulkKeys)) {
        for (const uint8_t*& key : bulk) key = keys.at(at++ & (keys.size() - 1));
        map.lookup_bulk(bulk.data(), kBulkKeys, values.data(), 0);
        for (const uint8_t* value : values) sum += *value;
    }
    benchmark::DoNotOptimize(sum);
}

/// Addresses as a fib takes them, one behind the other.
template <typename Address>
struct Addresses {
    explicit Addresses(const KeyList& keys);
    std::vector<Address> list;
};
using Address6 = std::array<uint8_t, 16>;

template <>
Addresses<uint32_t>::Addresses(const KeyList& keys) {
    for (size_t i = 0; i < keys.size(); ++i) list.push_back(host_address(keys.at(i)));
}
template <>
Addresses<Address6>::Addresses(const KeyList& keys) {
    list.resize(keys.size());
    for (size_t i = 0; i < keys.size(); ++i)
        std::memcpy(list[i].data(), keys.at(i) + kBitsBytes, sizeof(Address6));
}

void ask(Fib4& fib, uint32_t* addresses, uint64_t* hops, int count) {
    rte_fib_lookup_bulk(fib.fib, addresses, hops, count);
}
void ask(Fib6& fib, Address6* addresses, uint64_t* hops, int count) {
    rte_fib6_lookup_bulk(fib.fib, reinterpret_cast<uint8_t(*)[16]>(addresses), hops, count);
}

template <int kCount, typename Fib, typename Address>
void look_up_fib(benchmark::State& state, Fib& fib, Addresses<Address>& addresses) {
    std::array<uint64_t, kCount> hops;
    size_t at = 0;
    while (state.KeepRunningBatch(kCount)) {
        ask(fib, &addresses.list[at], hops.data(), kCount);
        at = (at + kCount) & (addresses.list.size() - 1);
        benchmark::DoNotOptimize(hops.data());
        benchmark::ClobberMemory();
    }
}

using Draw = KeyList (*)(uint32_t count);

template <typename Fib, typename Address>
void add_rows(const std::string& what, uint32_t count, Draw prefixes, Draw addresses,
              std::unique_ptr<Fib> (*make_fib)(const KeyList&)) {
    const auto group = std::make_shared<Group>();
    const auto map = Lazy<vm::Map>::in(group, [=] { return filled_map(prefixes(count)); });
    const auto fib = Lazy<Fib>::in(group, [=] { return make_fib(prefixes(count)); });
    const auto keys =
        Lazy<KeyList>::in(group, [=] { return std::make_unique<KeyList>(addresses(count)); });
    const auto listed = Lazy<Addresses<Address>>::in(
        group, [=] { return std::make_unique<Addresses<Address>>(addresses(count)); });
    const auto add_weir = [&](const std::string& row, auto look_up) {
        add_row(row, kWeir, [=](benchmark::State& state) {
            vm::Map* const made = map->get(state);
            if (made == nullptr) return;
            note_memory(what, kWeir, made->memory_bytes());
            look_up(state, *made, *keys->get(state));
        });
    };
    const auto add_dpdk = [&](const std::string& row, auto look_up) {
        add_row(row, kDpdk, [=](benchmark::State& state) {
            Fib* const made = fib->get(state);
            if (made == nullptr) return;
            note_memory(what, kDpdk, made->bytes);
            look_up(state, *made, *listed->get(state));
        });
    };
    add_weir(what, look_up_weir);
    add_dpdk(what, look_up_fib<1, Fib, Address>);
    add_weir(what + " bulk", look_up_weir_bulk);
    add_dpdk(what + " bulk", look_up_fib<kBulkKeys, Fib, Address>);
}

}  // namespace

void add_lpm_rows() {
    for (const uint32_t count : {100'000u, 1'000'000u}) {
        const std::string what = "lpm IPv4 " + std::to_string(count / 1000) + "k";
        add_rows<Fib4, uint32_t>(what, count, ipv4_prefixes, ipv4_addresses, filled_fib4);
    }
    add_rows<Fib6, Address6>("lpm IPv6 200k", 200'000, ipv6_prefixes, ipv6_addresses, filled_fib6);
}

}  // namespace weir::perf
