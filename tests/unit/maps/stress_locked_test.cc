// Several workers on the kinds that one lock guards: LRU, queue, ring buffer, values with a spin
// lock.

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <random>
#include <set>

#include "maps/ringbuf_map.h"
#include "maps/words.h"
#include "tests/unit/maps/stress_workers.h"

namespace weir::maps {
namespace {

/// What the value of a key looks like: any number, and the key mixed with it.
struct Record {
    uint64_t salt, check;
    static Record of(uint64_t key, uint64_t salt) { return {salt, salt * 3 ^ key}; }
};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr uint32_t kSteps = 20'000;
#else
constexpr uint32_t kSteps = 150'000;
#endif

struct Churn {
    std::atomic<uint64_t> written{0}, erased{0}, failed{0};
};

void churn(vm::Map& map, uint32_t worker, Churn& counts) {
    std::mt19937_64 random(worker);
    for (uint32_t step = 0; step < kSteps; ++step) {
        const uint64_t key = random() % 300;
        const uint64_t choice = random() % 8;
        int status = 0;
        if (choice == 0) {
            status = map.erase(bytes_of(key));
            counts.erased += status == 0 ? 1 : 0;
        } else if (choice < 4) {
            status = map.update(bytes_of(key), bytes_of(Record::of(key, random())), 0, worker);
            counts.written += status == 0 ? 1 : 0;
        } else if (uint8_t* const value = map.lookup(bytes_of(key), worker); value != nullptr) {
            load_shared_word(value);  // whoever's it is by now, it is memory of this map
        }
        const bool fine = status == 0 || status == -ENOENT || status == -EBUSY || status == -ENOMEM;
        counts.failed += fine ? 0 : 1;
    }
}

/// Nothing is lost and nothing doubles in the lists: afterwards the map still holds all it can.
TEST(LruStress, KeepsItsElementsTogether) {
    for (const uint32_t flags : {0u, 2u}) {
        for (const vm::MapType type : {vm::MapType::LruHash, vm::MapType::LruPercpuHash}) {
            const auto map = make_map(make_spec(type, 8, sizeof(Record), 99, flags), kWorkers);
            Churn counts;
            uint64_t turn = 0, found = 0, torn = 0;
            run_workers([&](uint32_t worker) { churn(*map, worker, counts); },
                        [&] {
                            const uint64_t key = turn++ % 300;
                            Bytes value(map->control_value_bytes());
                            if (map->control_lookup(bytes_of(key), value) != 0) return;
                            ++found;
                            if (type == vm::MapType::LruPercpuHash) return;  // written in place
                            const auto record = value_at<Record>(value.data());
                            torn += record.check != (record.salt * 3 ^ key) ? 1 : 0;
                        });
            EXPECT_EQ(counts.failed, 0u);
            EXPECT_GT(counts.written, 0u);
            EXPECT_GT(counts.erased, 0u);
            EXPECT_EQ(torn, 0u);
            EXPECT_GT(found, 0u);
            EXPECT_EQ(count_keys(*map), map->entries());
            for (uint64_t key = 1000; key < 2000; ++key)
                ASSERT_EQ(map->update(bytes_of(key), bytes_of(Record{}), 0,
                                      static_cast<uint32_t>(key % kWorkers)),
                          0);
            EXPECT_GE(map->entries(), 40u);
            EXPECT_LE(map->entries(), 99u);
        }
    }
}

TEST(QueueStress, WhatGoesInComesOutOnce) {
    const auto map = make_map(make_spec(vm::MapType::Queue, 0, 8, 64), kWorkers);
    std::mutex mutex;
    std::set<uint64_t> seen;
    std::atomic<uint64_t> pushed{0}, doubled{0};
    const auto note = [&](uint64_t value) {
        const std::lock_guard<std::mutex> lock(mutex);
        doubled += seen.insert(value).second ? 0 : 1;
    };
    const auto pop = [&] {
        uint64_t value = 0;
        if (map->pop(reinterpret_cast<uint8_t*>(&value)) != 0) return false;
        note(value);
        return true;
    };
    run_workers(
        [&](uint32_t worker) {
            for (uint64_t i = 0; i < 50'000; ++i) {
                const uint64_t value = i * kWorkers + worker;
                if (map->push(bytes_of(value), 0) == 0) ++pushed;
                if (i % 2 == 0) pop();
            }
        },
        [&] { pop(); });
    while (pop()) {
    }
    EXPECT_EQ(doubled, 0u);
    EXPECT_GE(pushed, 64u);  // as many as go in before the first comes out
    EXPECT_EQ(seen.size(), pushed);
}

/// Records carry writer and number: each writer's arrive in order, none twice, the rest is counted.
TEST(RingStress, RecordsArriveOnceInOrder) {
    const auto map = make_map(make_spec(vm::MapType::Ringbuf, 0, 0, 8192), kWorkers);
    EventRing& ring = static_cast<RingbufMap&>(*map).ring();
    struct Reader {
        uint64_t next[kWorkers] = {};
        uint64_t records = 0, wrong = 0;
    } reader;
    const auto visit = [](void* opaque, std::span<const uint8_t> record) {
        Reader& r = *static_cast<Reader*>(opaque);
        const auto worker = value_at<uint64_t>(record.data());
        const auto number = value_at<uint64_t>(record.data() + 8);
        const bool fine =
            worker < kWorkers && number >= r.next[worker] && record.size() == 16 + number % 50;
        r.wrong += fine ? 0 : 1;
        if (fine) r.next[worker] = number + 1;
        ++r.records;
    };
    std::atomic<uint64_t> sent{0}, discarded{0}, refused{0};
    run_workers(
        [&](uint32_t worker) {
            for (uint64_t number = 0; number < 100'000; ++number) {
                uint8_t* const record = ring.reserve(16 + number % 50);
                if (record == nullptr) {
                    ++refused;
                    continue;
                }
                const uint64_t who = worker;
                std::memcpy(record, &who, 8);
                std::memcpy(record + 8, &number, 8);
                const bool discard = number % 7 == 0;
                ++(discard ? discarded : sent);
                EventRing::commit(record, discard);
            }
        },
        [&] { map->drain_events(0, visit, &reader); });
    map->drain_events(0, visit, &reader);
    EXPECT_EQ(reader.wrong, 0u);
    EXPECT_EQ(reader.records, sent);
    EXPECT_GT(sent, 0u);
    EXPECT_GT(discarded, 0u);
    EXPECT_EQ(map->lost_events(), refused);
    EXPECT_EQ(sent + discarded + refused, kWorkers * 100'000u);
}

/// Two numbers that only change together, in programs' hands and in the control side's.
TEST(SpinLockStress, LockedValuesAreNeverSeenHalfDone) {
    constexpr int64_t kLock = 93, kUnlock = 94;
    struct Value {
        uint32_t lock, unused;
        uint64_t a, b;
    };
    vm::MapSpec spec = make_spec(vm::MapType::Array, 4, sizeof(Value), 1);
    spec.spin_lock_offset = 0;
    const auto map = make_map(spec, kWorkers);
    const uint32_t key = 0;
    std::atomic<uint64_t> apart{0};
    uint64_t zeroed = 0;
    run_workers(
        [&](uint32_t worker) {
            vm::RunEnv env;
            auto* value = reinterpret_cast<Value*>(map->lookup(bytes_of(key), worker));
            const auto lock = reinterpret_cast<uint64_t>(&value->lock);
            for (uint32_t i = 0; i < 100'000; ++i) {
                all_helpers().at(kLock)(lock, 0, 0, 0, 0, env);
                apart += value->a != value->b ? 1 : 0;
                ++value->a;
                ++value->b;
                all_helpers().at(kUnlock)(lock, 0, 0, 0, 0, env);
            }
        },
        [&] {
            const Value zero{};
            zeroed += map->control_update(bytes_of(key), {bytes_of(zero), sizeof zero},
                                          vm::kUpdateLock) == 0
                          ? 1
                          : 0;
        });
    EXPECT_EQ(apart, 0u);
    EXPECT_GE(zeroed, kControlTurnsMin);
}

}  // namespace
}  // namespace weir::maps
