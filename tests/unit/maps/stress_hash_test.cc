// Hash kinds under several workers: look-ups in bulk, and updates of one cpu's slot without a lock.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "maps/words.h"
#include "tests/unit/maps/stress_workers.h"
#include "vm/base/limits.h"

namespace weir::maps {
namespace {

/// Few buckets, so that everybody meets in them and chains come and go.
constexpr uint32_t kEntries = 32;
constexpr uint64_t kPresent = 16;  ///< keys below stay, those from here on come and go
constexpr uint32_t kRounds = 20'000;

TEST(HashStress, BulkNeverMissesWhatIsThere) {
    const auto map = make_map(make_spec(vm::MapType::Hash, 8, 8, kEntries), kWorkers);
    for (uint64_t key = 0; key < kPresent; ++key)
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(key), 0, 0), 0);
    const auto read = [&](std::mt19937& random) {
        std::array<uint64_t, 32> asked;
        std::array<const uint8_t*, 32> keys;
        std::array<uint8_t*, 32> values;
        for (size_t i = 0; i < keys.size(); ++i) {
            asked[i] = random() % (2 * kPresent);
            keys[i] = bytes_of(asked[i]);
        }
        map->lookup_bulk(keys.data(), 32, values.data(), 0);
        for (size_t i = 0; i < keys.size(); ++i)
            EXPECT_TRUE(asked[i] >= kPresent || values[i] != nullptr) << asked[i];
    };
    const auto write = [&](uint32_t worker, std::mt19937& random) {
        const uint64_t stays = random() % kPresent, goes = kPresent + random() % kPresent;
        until_not_busy([&] { return map->update(bytes_of(stays), bytes_of(stays), 0, worker); });
        until_not_busy([&] { return map->update(bytes_of(goes), bytes_of(goes), 0, worker); });
        until_not_busy([&] { return map->erase(bytes_of(goes)); });
    };
    run_workers(
        [&](uint32_t worker) {
            std::mt19937 random(worker);
            for (uint32_t round = 0; round < kRounds; ++round) {
                if (worker == 0) {
                    read(random);
                } else {
                    write(worker, random);
                }
            }
        },
        [] {});
}

/// Every word of a value says its key. A slot that is written late, when its element has gone to
/// another key, says a wrong one. Large values take long to write, and many rounds let a worker
/// lose its core on the way.
TEST(HashStress, AnUpdateOfOneCpusSlotNeverReachesAnotherKey) {
    using Value = std::array<uint64_t, 64>;
    constexpr uint32_t kSlotRounds = kSlow ? 2'000 : 100'000;
    const auto map =
        make_map(make_spec(vm::MapType::PercpuHash, 8, sizeof(Value), kEntries), kWorkers);
    const auto change = [&](uint32_t worker, std::mt19937& random) {
        const uint64_t key = 1 + random() % (2 * kPresent);
        if (random() % 4 == 0) {
            until_not_busy([&] { return map->erase(bytes_of(key)); });
            return;
        }
        Value value;
        value.fill(key);
        until_not_busy([&] { return map->update(bytes_of(key), bytes_of(value), 0, worker); });
        // Nobody else writes anything but zeroes into slots of this worker.
        for (uint64_t other = 1 + random() % 4; other <= 2 * kPresent; other += 4) {
            const uint8_t* const slot = map->lookup(bytes_of(other), worker);
            if (slot == nullptr) continue;
            const auto last = load_shared_word(slot + sizeof value - kWordBytes);
            EXPECT_TRUE(last == 0 || last == other) << other << " has " << last;
        }
    };
    const auto check = [&] {
        std::array<Value, kWorkers> slots;
        std::vector<uint8_t> bytes(sizeof slots);
        for (uint64_t key = 1; key <= 2 * kPresent; ++key) {
            if (map->control_lookup(bytes_of(key), bytes) != 0) continue;
            std::memcpy(slots.data(), bytes.data(), sizeof slots);
            for (const Value& slot : slots) {
                const auto is_own = [&](uint64_t word) { return word == 0 || word == key; };
                EXPECT_TRUE(std::ranges::all_of(slot, is_own)) << key;
            }
        }
    };
    run_workers(
        [&](uint32_t worker) {
            std::mt19937 random(worker);
            for (uint32_t round = 0; round < kSlotRounds; ++round) change(worker, random);
        },
        check);
    check();
}

}  // namespace
}  // namespace weir::maps
