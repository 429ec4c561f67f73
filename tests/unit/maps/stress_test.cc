// Several threads on one map. Values carry a checksum over key and contents, so that a torn value
// or another key's value shows.

#include <atomic>
#include <cerrno>
#include <random>
#include <thread>

#include "maps/hash_map.h"
#include "maps/words.h"
#include "tests/unit/maps/stress_workers.h"

namespace weir::maps {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr uint32_t kSteps = 40'000;
#else
constexpr uint32_t kSteps = 200'000;
#endif

struct Record {
    uint64_t key = 0, a = 0, b = 0, sum = 0;

    static Record of(uint64_t key, uint64_t salt) {
        return {key, salt, salt * 3 + key, key ^ salt ^ (salt * 3 + key)};
    }
    bool whole() const { return sum == (key ^ a ^ b) && b == a * 3 + key; }
};

Record read_record(const uint8_t* value) {
    Record record;
    load_words(reinterpret_cast<uint8_t*>(&record), value, sizeof record);
    return record;
}

/// Keys 0..31 are always there and only replaced; keys from 32 on come and go.
TEST(HashStress, PresentKeysAreNeverMissedAndValuesNeverTorn) {
    constexpr uint64_t kSteady = 32, kKeys = 96;
    const auto map = make_map(make_spec(vm::MapType::Hash, 8, sizeof(Record), kKeys), kWorkers);
    for (uint64_t key = 0; key < kSteady; ++key) {
        const Record record = Record::of(key, 1);
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(record), 0, 0), 0);
    }
    std::atomic<uint64_t> missed{0}, wrong{0}, failed{0}, erased{0};
    const auto worker_body = [&](uint32_t worker) {
        std::mt19937_64 random(worker);
        for (uint32_t step = 0; step < 2 * kSteps; ++step) {
            const uint64_t key = random() % kKeys;
            const Record record = Record::of(key, random());
            const uint64_t choice = random() % 8;
            int status = 0;
            if (choice == 0 && key >= kSteady) {
                status = until_not_busy([&] { return map->erase(bytes_of(key)); });
                erased += status == 0 ? 1 : 0;
            } else if (choice <= 1) {
                status = until_not_busy(
                    [&] { return map->update(bytes_of(key), bytes_of(record), 0, worker); });
            } else if (map->lookup(bytes_of(key), worker) == nullptr) {
                missed += key < kSteady ? 1 : 0;
            }
            failed += status != 0 && status != -ENOENT ? 1 : 0;
        }
    };
    uint64_t turn = 0;
    run_workers(worker_body, [&] {
        // The control side's read is checked against reuse, so that a whole record of the right key
        // must come out.
        const uint64_t key = turn++ % kKeys;
        Record record;
        const int status = map->control_lookup(
            bytes_of(key), {reinterpret_cast<uint8_t*>(&record), sizeof record});
        if (status == 0) wrong += !record.whole() || record.key != key ? 1 : 0;
        missed += status != 0 && key < kSteady ? 1 : 0;
        if (turn % 16 == 0)
            failed += map->control_update(bytes_of(key),
                                          {bytes_of(Record::of(key, turn)), sizeof record}, 0) != 0;
    });
    EXPECT_EQ(missed, 0u);
    EXPECT_EQ(wrong, 0u);
    EXPECT_EQ(failed, 0u);
    EXPECT_GT(erased, 0u);
    EXPECT_EQ(count_keys(*map), map->entries());
}

/// Nothing leaks and nothing doubles: after the churn exactly max_entries fit again.
TEST(HashStress, CapacityIsExactAfterChurn) {
    for (const vm::MapType type : {vm::MapType::Hash, vm::MapType::PercpuHash}) {
        constexpr uint64_t kEntries = 50;
        const auto map = make_map(make_spec(type, 8, 8, kEntries), kWorkers);
        run_workers(
            [&](uint32_t worker) {
                std::mt19937_64 random(worker + 100);
                for (uint32_t step = 0; step < kSteps; ++step) {
                    const uint64_t key = random() % 80;
                    if (random() % 2 == 0) {
                        map->erase(bytes_of(key));
                    } else {
                        map->update(bytes_of(key), bytes_of(key), 0, worker);
                    }
                }
            },
            [&] { count_keys(*map); });
        EXPECT_GT(map->full_count(), 0u);
        uint64_t key = 1000;
        while (map->update(bytes_of(key), bytes_of(key), 0, 0) == 0) ++key;
        EXPECT_EQ(map->entries(), kEntries);
        EXPECT_EQ(count_keys(*map), kEntries);
    }
}

TEST(ArrayStress, NoAtomicAdditionIsLostWhileTheControlSideReads) {
    const auto map = make_map(make_spec(vm::MapType::Array, 4, 8, 2), kWorkers);
    constexpr uint64_t kAdds = 1'000'000;
    const uint32_t key = 1;
    uint64_t last = 0;
    bool backwards = false;
    run_workers(
        [&](uint32_t worker) {
            auto* counter = reinterpret_cast<uint64_t*>(map->lookup(bytes_of(key), worker));
            for (uint64_t i = 0; i < kAdds; ++i) __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
        },
        [&] {
            uint64_t now = 0;
            map->control_lookup(bytes_of(key), {reinterpret_cast<uint8_t*>(&now), 8});
            backwards = backwards || now < last;
            last = now;
        });
    EXPECT_FALSE(backwards);
    EXPECT_EQ(value_at<uint64_t>(map->lookup(bytes_of(key), 0)), kAdds * kWorkers);
}

/// Writes or erases one random prefix below 10.0.0.0/8; true when the answer is one that nobody
/// should get.
template <typename Write>
bool churn_fails(std::mt19937_64& random, Write write) {
    const auto bits = static_cast<uint32_t>(8 + random() % 25);
    const auto second = static_cast<uint8_t>(random() % 4);
    const auto third = static_cast<uint8_t>(random() % 4 << 6);
    const Prefix4 prefix{bits, {10, second, third, 0}};
    const int status = write(prefix, Record::of(bits, random()), bits > 8 && random() % 2 == 0);
    return status != 0 && status != -ENOENT && status != -ENOSPC && status != -ENOMEM;
}

/// 10.0.0.0/8 stays; longer prefixes below come and go, from workers and from the control side.
TEST(LpmStress, TheCoveringPrefixIsNeverMissedAndValuesLast) {
    const auto map = make_map(make_spec(vm::MapType::LpmTrie, 8, sizeof(Record), 200), kWorkers);
    const Prefix4 cover{8, {10, 0, 0, 0}};
    ASSERT_EQ(map->update(bytes_of(cover), bytes_of(Record::of(8, 1)), 0, 0), 0);
    std::atomic<uint64_t> missed{0}, wrong{0}, failed{0};
    const auto worker_body = [&](uint32_t worker) {
        std::mt19937_64 random(worker + 7);
        for (uint32_t step = 0; step < kSteps; ++step) {
            const Prefix4 key{
                32,
                {10, static_cast<uint8_t>(random() % 4), static_cast<uint8_t>(random() % 256), 1}};
            const uint8_t* value = map->lookup(bytes_of(key), worker);
            if (value == nullptr) {
                ++missed;
            } else {
                if (step % 64 == 0)
                    std::this_thread::yield();  // a slow program: the value must last
                wrong += read_record(value).whole() ? 0 : 1;
            }
            if (step % 8 == 0) {
                failed += churn_fails(random, [&](const Prefix4& prefix, const Record& record,
                                                  bool erase) {
                    return until_not_busy([&] {
                        return erase ? map->erase(bytes_of(prefix))
                                     : map->update(bytes_of(prefix), bytes_of(record), 0, worker);
                    });
                });
            }
            if (step % 32 == 0) reader_quiescent();
        }
    };
    std::mt19937_64 control_random(99);
    run_workers(worker_body, [&] {
        failed += churn_fails(
            control_random, [&](const Prefix4& prefix, const Record& record, bool erase) {
                return erase ? map->control_erase(bytes_of(prefix))
                             : map->control_update(bytes_of(prefix),
                                                   {bytes_of(record), sizeof record}, 0);
            });
        count_keys(*map);
    });
    EXPECT_EQ(missed, 0u);
    EXPECT_EQ(wrong, 0u);
    EXPECT_EQ(failed, 0u);
    EXPECT_EQ(count_keys(*map), map->entries());
}

}  // namespace
}  // namespace weir::maps
