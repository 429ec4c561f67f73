// Memory stays flat over many updates: the process grows by nothing, a map's bytes stay the same,
// and afterwards exactly max_entries fit. WEIR_OPERATIONS=100000000 makes the long run that
// tests/LONG_RUNS.md keeps.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>

#include <fmt/core.h>

#include "maps/reclaim.h"
#include "tests/support/environment.h"
#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kUpdates = 200'000;
#else
constexpr uint64_t kUpdates = 1'000'000;
#endif
constexpr uint64_t kSlackBytes = 512u << 10;  ///< the C library's own, and the kernel's counting

/// Of this process, in memory.
uint64_t resident_bytes() {
    unsigned long total = 0, resident = 0;
    FILE* const file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    const int read = std::fscanf(file, "%lu %lu", &total, &resident);
    std::fclose(file);
    EXPECT_EQ(read, 2);
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

/// One update or deletion of a random key out of twice as many as fit.
using Step = int (*)(vm::Map& map, std::mt19937_64& random);

int element_step(vm::Map& map, std::mt19937_64& random) {
    const uint64_t key = random() % (uint64_t{map.spec().entries_max} * 2);
    const uint64_t value[2] = {key, random()};
    if (random() % 4 == 0) return map.erase(bytes_of(key));
    return map.update(bytes_of(key), bytes_of(value), 0, static_cast<uint32_t>(random() % 2));
}

int prefix_step(vm::Map& map, std::mt19937_64& random) {
    uint8_t key[20] = {};
    const uint32_t address_bytes = map.spec().key_bytes - 4;
    const auto bits = static_cast<uint32_t>(8 + random() % (address_bytes * 8 - 7));
    const uint64_t address = random() % 1'024;
    std::memcpy(key, &bits, sizeof bits);
    key[4] = 10;
    std::memcpy(key + 5, &address, std::min(sizeof address, size_t{address_bytes - 1}));
    const uint64_t value[2] = {address, random()};
    if (random() % 3 == 0) return map.erase(key);
    return map.update(key, bytes_of(value), 0, 0);
}

int queue_step(vm::Map& map, std::mt19937_64& random) {
    uint64_t value[2] = {random(), random()};
    auto* const bytes = reinterpret_cast<uint8_t*>(value);
    if (random() % 2 == 0) return map.pop(bytes);
    return map.push(bytes, random() % 8 == 0 ? vm::kUpdateExist : vm::kUpdateAny);
}

void step_many(vm::Map& map, Step step, uint64_t count, std::mt19937_64& random) {
    uint64_t unexpected = 0;
    for (uint64_t i = 0; i < count; ++i) {
        const int status = step(map, random);
        const bool full = status == -E2BIG || status == -ENOSPC;
        unexpected += status == 0 || status == -ENOENT || full ? 0 : 1;
        if (i % 32 == 0) reader_quiescent();
    }
    EXPECT_EQ(unexpected, 0u);
}

/// A tenth first, so that everything has been touched.
void expect_flat(vm::Map& map, Step step) {
    const uint64_t updates = tests::number_from_environment("WEIR_OPERATIONS", kUpdates);
    std::mt19937_64 random(tests::first_seed());
    reader_register();
    step_many(map, step, updates / 10, random);
    const uint64_t resident = resident_bytes(), bytes = map.memory_bytes();
    step_many(map, step, updates - updates / 10, random);
    const uint64_t resident_after = resident_bytes();
    fmt::print("{} {}: {} updates, {} KiB resident before, {} KiB after, {} KiB of the map\n",
               vm::map_type_name(map.spec().type), map.spec().key_bytes, updates, resident >> 10,
               resident_after >> 10, bytes >> 10);
    EXPECT_GT(resident, 0u);
    EXPECT_LE(resident_after, resident + kSlackBytes);
    EXPECT_EQ(map.memory_bytes(), bytes);
    EXPECT_LE(map.used_bytes(), bytes);
    EXPECT_LE(map.entries(), map.spec().entries_max);
}

void expect_all_fit(vm::Map& map) {
    Bytes key(map.spec().key_bytes);
    while (map.next_key(nullptr, key.data()) == 0) {
        ASSERT_EQ(map.control_erase(key.data()), 0);
        reader_quiescent();
    }
    EXPECT_EQ(map.entries(), 0u);
    const Bytes value(map.spec().value_bytes, 1);
    const bool trie = map.spec().type == vm::MapType::LpmTrie;
    if (trie) key[0] = static_cast<uint8_t>((key.size() - 4) * 8);
    int status = 0;
    for (uint32_t number = 1; status == 0 && number < 2 * map.spec().entries_max; ++number) {
        std::memcpy(key.data() + (trie ? 4 : 0), &number, sizeof number);
        status = map.update(key.data(), value.data(), 0, 1);
        reader_quiescent();
    }
    EXPECT_EQ(status, trie ? -ENOSPC : -E2BIG);
    EXPECT_EQ(map.entries(), map.spec().entries_max);
}

TEST(FlatMemory, HashesOverManyUpdates) {
    for (const vm::MapType type : {vm::MapType::Hash, vm::MapType::PercpuHash}) {
        const auto map = make_map(make_spec(type, 8, 16, 5'000));
        expect_flat(*map, element_step);
        expect_all_fit(*map);
        reader_unregister();
    }
}

TEST(FlatMemory, LruHashesOverManyUpdates) {
    for (const vm::MapType type : {vm::MapType::LruHash, vm::MapType::LruPercpuHash}) {
        const auto map = make_map(make_spec(type, 8, 16, 5'000));
        expect_flat(*map, element_step);
        const Bytes value(16, 1);
        for (uint64_t key = 100'000; key < 120'000; ++key)
            ASSERT_EQ(map->update(bytes_of(key), value.data(), 0, 1), 0);
        EXPECT_GE(map->entries(), 4'000u) << "elements were lost";
        EXPECT_LE(map->entries(), 5'000u);
        EXPECT_EQ(map->full_count(), 0u);
        reader_unregister();
    }
}

TEST(FlatMemory, TriesOverManyUpdates) {
    for (const uint32_t key_bytes : {8u, 20u}) {
        const auto map = make_map(make_spec(vm::MapType::LpmTrie, key_bytes, 16, 5'000));
        expect_flat(*map, prefix_step);
        expect_all_fit(*map);
        reader_unregister();
    }
}

TEST(FlatMemory, QueuesAndStacksOverManyUpdates) {
    for (const vm::MapType type : {vm::MapType::Queue, vm::MapType::Stack}) {
        const auto map = make_map(make_spec(type, 0, 16, 500));
        expect_flat(*map, queue_step);
        uint64_t value[2] = {};
        auto* const bytes = reinterpret_cast<uint8_t*>(value);
        while (map->pop(bytes) == 0) {
        }
        uint32_t fit = 0;
        while (map->push(bytes, 0) == 0) ++fit;
        EXPECT_EQ(fit, 500u);
        reader_unregister();
    }
}

}  // namespace
}  // namespace weir::maps
