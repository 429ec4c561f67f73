// LRU maps in the hands of several workers: nothing is refused, nothing is lost, what leaves is
// old.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

constexpr uint32_t kNoCommonLru = 1u << 1;
constexpr uint32_t kCpus = 8;

void run_threads(uint32_t count, const std::function<void(uint32_t)>& body) {
    std::vector<std::thread> threads;
    for (uint32_t thread = 0; thread < count; ++thread)
        threads.emplace_back([&body, thread] { body(thread); });
    for (std::thread& thread : threads) thread.join();
}

bool has(vm::Map& map, uint64_t key) {
    Bytes value(map.control_value_bytes());
    return map.control_lookup(bytes_of(key), value) == 0;
}

/// A key that nobody else inserts.
uint64_t key_of(uint32_t thread, uint64_t number) {
    return uint64_t{thread + 1} << 32 | number;
}

struct Kind {
    vm::MapType type;
    uint32_t flags;
    uint32_t entries;
};

std::vector<Kind> kinds_of(std::initializer_list<uint32_t> sizes) {
    std::vector<Kind> kinds;
    for (const vm::MapType type : {vm::MapType::LruHash, vm::MapType::LruPercpuHash})
        for (const uint32_t flags : {0u, kNoCommonLru})
            for (const uint32_t entries : sizes) kinds.push_back({type, flags, entries});
    return kinds;
}

std::unique_ptr<vm::Map> make(const Kind& kind) {
    return make_map(make_spec(kind.type, 8, 16, kind.entries, kind.flags), kCpus);
}

/// With lists per cpu every cpu has at least one.
uint32_t capacity(const Kind& kind) {
    return kind.flags == 0 ? kind.entries : (kind.entries + kCpus - 1) / kCpus * kCpus;
}

/// More threads than elements, too: somebody's element is always on its way.
TEST(LruStress, WorkersNeverFailToInsert) {
    for (const Kind& kind : kinds_of({1, 3, 20, 1000})) {
        constexpr uint64_t kInserts = 1'000;
        const auto map = make(kind);
        std::atomic<uint64_t> failed{0};
        run_threads(kCpus, [&](uint32_t cpu) {
            const uint64_t value[2] = {cpu, cpu};
            for (uint64_t i = 0; i < kInserts; ++i)
                failed += map->update(bytes_of(key_of(cpu, i)), bytes_of(value), 0, cpu) != 0;
        });
        EXPECT_EQ(failed, 0u) << kind.entries;
        EXPECT_EQ(map->full_count(), 0u);
        EXPECT_EQ(map->busy_count(), 0u);
        EXPECT_EQ(kCpus * kInserts - map->evicted_count(), map->entries());
        // What was lent is given back, at the latest when the next one inserts.
        const uint64_t last = 1;
        const uint64_t value[2] = {};
        ASSERT_EQ(map->update(bytes_of(last), bytes_of(value), 0, 0), 0);
        EXPECT_LE(map->entries(), capacity(kind));
        EXPECT_GT(map->entries(), 0u);
    }
}

/// A control thread may lose its core with a bucket's lock: that alone may turn a worker away, and
/// is counted.
TEST(LruStress, TheControlSideTakesNoRoomFromWorkers) {
    for (const Kind& kind : kinds_of({1, 20, 1000})) {
        constexpr uint64_t kInserts = 1'000;
        const auto map = make(kind);
        std::atomic<uint64_t> busy{0}, other{0}, erased{0};
        run_threads(kCpus + 1, [&](uint32_t thread) {
            const uint64_t value[2] = {thread, thread};
            for (uint64_t i = 0; i < kInserts; ++i) {
                const uint64_t key = key_of(thread, i);
                int status = 0;
                if (thread == kCpus) {
                    status = map->control_update(bytes_of(key), {bytes_of(value), 16}, 0);
                    erased += map->control_erase(bytes_of(key)) == 0 ? 1 : 0;
                } else {
                    status = map->update(bytes_of(key), bytes_of(value), 0, thread);
                }
                busy += status == -EBUSY ? 1 : 0;
                other += status != 0 && status != -EBUSY ? 1 : 0;
            }
        });
        EXPECT_EQ(other, 0u);
        EXPECT_EQ(map->busy_count(), busy);
        EXPECT_LT(busy, kCpus * kInserts / 20);
        EXPECT_EQ(map->full_count(), 0u);
        const uint64_t inserted = (kCpus + 1) * kInserts - busy;
        EXPECT_EQ(inserted - erased - map->evicted_count(), map->entries());
    }
}

/// Keys are numbered as their inserts begin. In exact order the newest max_entries would stay. Who
/// loses his core with a shard's lock brings some disorder, and this machine may have fewer cores.
TEST(LruStress, AlmostAllOfTheNewestHalfStays) {
    constexpr uint32_t kEntries = 4096, kThreads = 4, kKeys = 16 * kEntries;
    const auto map = make_map(make_spec(vm::MapType::LruHash, 8, 8, kEntries), kThreads);
    std::atomic<uint64_t> next{0};
    run_threads(kThreads, [&](uint32_t cpu) {
        for (uint64_t key = next++; key < kKeys; key = next++)
            ASSERT_EQ(map->update(bytes_of(key), bytes_of(key), 0, cpu), 0);
    });
    uint32_t present = 0, of_newest_half = 0;
    for (uint64_t key = 0; key < kKeys; ++key) {
        if (!has(*map, key)) continue;
        ++present;
        of_newest_half += key >= kKeys - kEntries / 2 ? 1 : 0;
    }
    EXPECT_EQ(present, map->entries());
    EXPECT_EQ(kKeys - map->evicted_count(), present);
    EXPECT_LE(present, kEntries);
    EXPECT_GE(of_newest_half, kEntries / 2 * 9 / 10);
}

/// Workers of any speed, one step at a time: no lock is ever in the way. All batches together are a
/// quarter of the map at most.
TEST(LruHash, TheNewestHalfOfAFullMapStays) {
    constexpr uint32_t kEntries = 4096, kKeys = 8 * kEntries;
    for (uint32_t cpus = 1; cpus <= 8; ++cpus) {
        const auto map = make_map(make_spec(vm::MapType::LruHash, 8, 8, kEntries), cpus);
        std::mt19937_64 random(cpus);
        uint64_t lost_at_least = kKeys;
        for (uint64_t key = 0, cpu = 0; key < kKeys; ++key) {
            // Some insert far more than others, in turns.
            if (random() % 200 == 0) cpu = random() % (1 + random() % cpus);
            ASSERT_EQ(map->update(bytes_of(key), bytes_of(key), 0, static_cast<uint32_t>(cpu)), 0);
            if (key % 1000 != 0 || key < kEntries) continue;
            uint64_t first = key;
            while (has(*map, first)) --first;
            lost_at_least = std::min(lost_at_least, key - first);
        }
        EXPECT_GE(lost_at_least, kEntries / 2) << cpus;
    }
}

TEST(LruHash, OneWorkerUsesWhatOthersLeft) {
    constexpr uint32_t kEntries = 4096;
    const auto map = make_map(make_spec(vm::MapType::LruHash, 8, 8, kEntries), 4);
    for (uint32_t cpu = 0; cpu < 4; ++cpu)
        for (uint64_t i = 0; i < kEntries; ++i)
            ASSERT_EQ(map->update(bytes_of(key_of(cpu, i)), bytes_of(i), 0, cpu), 0);
    // Now the others are idle.
    for (uint64_t i = 0; i < 2 * kEntries; ++i)
        ASSERT_EQ(map->update(bytes_of(key_of(0, kEntries + i)), bytes_of(i), 0, 0), 0);
    uint32_t left = 0, own = 0;
    for (uint32_t cpu = 1; cpu < 4; ++cpu)
        for (uint64_t i = 0; i < kEntries; ++i) left += has(*map, key_of(cpu, i)) ? 1 : 0;
    for (uint64_t i = 0; i < 3 * kEntries; ++i) own += has(*map, key_of(0, i)) ? 1 : 0;
    EXPECT_EQ(left, 0u);
    EXPECT_GE(own, kEntries - 128) << "but for the batch that it has begun";
}

TEST(LruHash, WhatIdleWorkersLeftGoesFirst) {
    constexpr uint32_t kEntries = 4096;
    const auto map = make_map(make_spec(vm::MapType::LruHash, 8, 8, kEntries), 2);
    for (const uint32_t cpu : {1u, 0u})
        for (uint64_t i = 0; i < kEntries / 2; ++i)
            ASSERT_EQ(map->update(bytes_of(key_of(cpu, i)), bytes_of(i), 0, cpu), 0);
    for (uint64_t i = 0; i < kEntries / 8; ++i)
        ASSERT_EQ(map->update(bytes_of(key_of(2, i)), bytes_of(i), 0, 0), 0);
    for (uint64_t i = 0; i < kEntries / 2; ++i) ASSERT_TRUE(has(*map, key_of(0, i))) << i;
    EXPECT_FALSE(has(*map, key_of(1, 0)));
    EXPECT_GE(map->entries(), kEntries - 2 * 128);
}

}  // namespace
}  // namespace weir::maps
