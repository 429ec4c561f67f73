#include "maps/lru_map.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

constexpr uint32_t kNoCommonLru = 1u << 1;

std::set<uint32_t> keys_of(vm::Map& map) {
    std::set<uint32_t> keys;
    uint32_t key = 0;
    auto* raw = reinterpret_cast<uint8_t*>(&key);
    for (int status = map.next_key(nullptr, raw); status == 0; status = map.next_key(raw, raw))
        keys.insert(key);
    return keys;
}

TEST(LruHash, ANewKeyIsNeverRefused) {
    for (const uint32_t flags : {0u, kNoCommonLru}) {
        for (const vm::MapType type : {vm::MapType::LruHash, vm::MapType::LruPercpuHash}) {
            const auto map = make_map(make_spec(type, 4, 8, 10, flags), 1);
            for (uint32_t key = 0; key < 1000; ++key) {
                const uint64_t value = key;
                ASSERT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateNoExist, 0), 0);
                ASSERT_NE(map->lookup(bytes_of(key), 0), nullptr) << "the newest is there";
                ASSERT_LE(map->entries(), 10u);
            }
            EXPECT_EQ(map->full_count(), 0u);
            EXPECT_EQ(keys_of(*map).size(), map->entries());
        }
    }
}

TEST(LruHash, LookUpsInBulkFindTheSameAndCountAsUse) {
    for (const vm::MapType type : {vm::MapType::LruHash, vm::MapType::LruPercpuHash}) {
        const auto map = make_map(make_spec(type, 4, 8, 64), 2);
        uint32_t key = 0;
        for (; key < 64; ++key) map->update(bytes_of(key), bytes_of(uint64_t{key}), 0, 0);
        const uint32_t wanted[] = {3, 1000, 60, 3};
        const uint8_t* const keys[] = {bytes_of(wanted[0]), bytes_of(wanted[1]),
                                       bytes_of(wanted[2]), bytes_of(wanted[3])};
        const vm::LookupFn look_up = map->lookup_function();
        for (; key < 1000; ++key) {
            uint8_t* values[4];
            map->lookup_bulk(keys, 4, values, 0);
            ASSERT_NE(values[0], nullptr) << "in use";
            for (uint32_t i = 0; i < 4; ++i) ASSERT_EQ(values[i], look_up(*map, keys[i], 0));
            map->update(bytes_of(key), bytes_of(uint64_t{key}), 0, 0);
        }
        uint8_t* values[4];
        map->lookup_bulk(keys, 4, values, 2);
        EXPECT_EQ(values[0] == nullptr, type == vm::MapType::LruPercpuHash) << "no such cpu";
    }
}

TEST(LruHash, EachEvictionIsCounted) {
    for (const uint32_t flags : {0u, kNoCommonLru}) {
        for (const vm::MapType type : {vm::MapType::LruHash, vm::MapType::LruPercpuHash}) {
            const auto map = make_map(make_spec(type, 4, 8, 10, flags), 2);
            EXPECT_EQ(map->evicted_count(), 0u);
            for (uint32_t key = 0; key < 500; ++key) {
                ASSERT_EQ(map->update(bytes_of(key), bytes_of(uint64_t{key}), 0, key % 2), 0);
                ASSERT_EQ(map->evicted_count() + map->entries(), key + 1);
            }
            const uint64_t evicted = map->evicted_count();
            uint32_t key = 499;
            EXPECT_EQ(map->erase(bytes_of(key)), 0);
            EXPECT_EQ(map->evicted_count(), evicted) << "erased, not evicted";
            EXPECT_EQ(map->busy_count(), 0u);
        }
    }
}

TEST(LruHash, UsedBytesFollowTheEntries) {
    const auto map = make_map(make_spec(vm::MapType::LruHash, 4, 8, 100), 2);
    EXPECT_EQ(map->used_bytes(), 0u);
    for (uint32_t key = 0; key < 10; ++key) map->update(bytes_of(key), bytes_of(uint64_t{1}), 0, 0);
    const uint64_t each = map->used_bytes() / 10;
    EXPECT_GE(each, 4u + 8u);
    EXPECT_EQ(map->used_bytes(), 10 * each);
    EXPECT_LE(100 * each, map->memory_bytes());
}

TEST(LruHash, ALookUpOfAProgramKeepsAKeyAndOneOfTheControlSideDoesNot) {
    const auto map = make_map(make_spec(vm::MapType::LruHash, 4, 8, 64), 1);
    uint32_t key = 0;
    const uint64_t value = 7;
    for (; key < 64; ++key) ASSERT_EQ(map->update(bytes_of(key), bytes_of(value), 0, 0), 0);
    const uint32_t used = 3, looked_at = 5;
    uint64_t copy = 0;
    // Everything turns over many times, the one in use stays.
    for (; key < 2000; ++key) {
        ASSERT_NE(map->lookup(bytes_of(used), 0), nullptr) << key;
        map->control_lookup(bytes_of(looked_at), {reinterpret_cast<uint8_t*>(&copy), 8});
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(value), 0, 0), 0);
    }
    EXPECT_TRUE(keys_of(*map).contains(used));
    EXPECT_FALSE(keys_of(*map).contains(looked_at));
}

TEST(LruHash, FlagsDecideAsInTheKernel) {
    for (const vm::MapType type : {vm::MapType::LruHash, vm::MapType::LruPercpuHash}) {
        const auto map = make_map(make_spec(type, 4, 4, 20));
        const uint32_t key = 1, value = 1;
        EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), 3, 0), -EINVAL);
        EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateLock, 0), -EINVAL);
        EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateExist, 0), -ENOENT);
        EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateNoExist, 0), 0);
        EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateNoExist, 0), -EEXIST);
        EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateExist, 1), 0);
        EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), 0, 2), -EINVAL) << "no such cpu";
        EXPECT_EQ(map->erase(bytes_of(key)), 0);
        EXPECT_EQ(map->erase(bytes_of(key)), -ENOENT);
    }
}

/// An update takes its element before it looks for the key: in a full map that may be this very
/// key.
TEST(LruHash, AnUpdateMayPushOutItsOwnKey) {
    const auto map = make_map(make_spec(vm::MapType::LruHash, 4, 4, 1), 1);
    const uint32_t key = 1;
    ASSERT_EQ(map->update(bytes_of(key), bytes_of(key), 0, 0), 0);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(key), vm::kUpdateExist, 0), -ENOENT);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(key), 0, 0), 0);
}

TEST(LruHash, EvictedMemoryStaysReadable) {
    const auto map = make_map(make_spec(vm::MapType::LruHash, 4, 8, 4), 1);
    uint32_t key = 0;
    const uint64_t value = 1;
    ASSERT_EQ(map->update(bytes_of(key), bytes_of(value), 0, 0), 0);
    const uint8_t* held = map->lookup(bytes_of(key), 0);
    for (key = 1; key < 100; ++key) map->update(bytes_of(key), bytes_of(uint64_t{key}), 0, 0);
    EXPECT_LT(value_at<uint64_t>(held), 100u) << "a value of this map, whoever's";
    uint8_t held_key[4];
    EXPECT_TRUE(map->key_of(held, held_key));
    EXPECT_FALSE(map->key_of(held + 1, held_key));
}

TEST(LruPercpuHash, ANewKeyHasZeroesOnOtherCpus) {
    const auto map = make_map(make_spec(vm::MapType::LruPercpuHash, 4, 4, 2), 2);
    const uint32_t seven = 7;
    for (uint32_t key = 0; key < 20; ++key) {
        ASSERT_EQ(map->control_update(bytes_of(key), {bytes_of(seven), 4}, 0), 0);
        const uint32_t other = key + 100;
        ASSERT_EQ(map->update(bytes_of(other), bytes_of(seven), 0, 1), 0);
        EXPECT_EQ(value_at<uint32_t>(map->lookup(bytes_of(other), 0)), 0u);
        EXPECT_EQ(value_at<uint32_t>(map->lookup(bytes_of(other), 1)), 7u);
    }
}

TEST(LruHash, ListsPerCpuShareTheEntriesEvenly) {
    const auto map = make_map(make_spec(vm::MapType::LruHash, 4, 4, 5, kNoCommonLru), 2);
    for (uint32_t key = 0; key < 100; ++key)
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(key), 0, 0), 0);
    EXPECT_LE(map->entries(), 3u) << "half of six";
    const uint32_t on_other = 1000;
    ASSERT_EQ(map->update(bytes_of(on_other), bytes_of(on_other), 0, 1), 0);
    for (uint32_t key = 100; key < 200; ++key) map->update(bytes_of(key), bytes_of(key), 0, 0);
    EXPECT_TRUE(keys_of(*map).contains(on_other)) << "the other cpu's are not touched";
}

/// What the other cpu made free for itself is not taken either.
TEST(LruHash, ListsPerCpuKeepWhatTheyMadeFree) {
    const auto map = make_map(make_spec(vm::MapType::LruHash, 4, 4, 16, kNoCommonLru), 2);
    for (uint32_t key = 1000; key < 1009; ++key)
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(key), 0, 1), 0);
    const auto of_other = [&] {
        const std::set<uint32_t> keys = keys_of(*map);
        return std::count_if(keys.begin(), keys.end(), [](uint32_t key) { return key >= 1000; });
    };
    EXPECT_EQ(of_other(), 5) << "eight, of which four left and one came";
    for (uint32_t key = 0; key < 500; ++key) {
        ASSERT_EQ(map->update(bytes_of(key), bytes_of(key), 0, 0), 0);
        ASSERT_LE(map->entries(), 5u + 8u);
    }
    EXPECT_EQ(of_other(), 5);
}

}  // namespace
}  // namespace weir::maps
