#include "maps/hash_map.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

std::string refusal(const vm::MapSpec& spec) {
    const auto map = create_map(spec, 2);
    return map ? "" : map.error().message;
}

TEST(HashMap, RefusesWhatTheKernelRefuses) {
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 0, 4, 1)),
              "map m (hash): key size is 0, at least 1 byte is needed");
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 513, 4, 1)),
              "map m (hash): key size 513 exceeds 512");
    EXPECT_NE(refusal(make_spec(vm::MapType::Hash, 4, 4, 1, vm::kMapMmapable)), "");
    EXPECT_NE(refusal(make_spec(vm::MapType::Hash, 4, 4096, 1u << 31)), "") << "8 TiB";
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 512, 4, 1, vm::kMapNoPrealloc)), "");
}

TEST(HashMap, HoldsExactlyMaxEntriesWhoeverInserts) {
    constexpr uint32_t kEntries = 100, kCpus = 5;
    const auto map = make_map(make_spec(vm::MapType::Hash, 4, 8, kEntries), kCpus);
    for (uint32_t round = 0; round < 3; ++round) {
        for (uint32_t key = 0; key < kEntries; ++key) {
            const uint64_t value = key + round;
            ASSERT_EQ(
                map->update(bytes_of(key), bytes_of(value), vm::kUpdateAny, (key + round) % kCpus),
                0)
                << key;
        }
        const uint32_t extra = kEntries;
        const uint64_t value = 1;
        EXPECT_EQ(map->update(bytes_of(extra), bytes_of(value), vm::kUpdateAny, round), -E2BIG);
        EXPECT_EQ(map->control_update(bytes_of(extra), {bytes_of(value), 8}, vm::kUpdateAny),
                  -E2BIG);
        EXPECT_EQ(map->full_count(), 2 * round + 2);
        EXPECT_EQ(map->entries(), kEntries);
        EXPECT_EQ(map->update(bytes_of(round), bytes_of(value), vm::kUpdateAny, 0), 0)
            << "replacing works in a full map";
        for (uint32_t key = 0; key < kEntries; ++key) ASSERT_EQ(map->erase(bytes_of(key)), 0);
        EXPECT_EQ(map->entries(), 0u);
    }
}

TEST(HashMap, FlagsDecideAsInTheKernel) {
    const auto map = make_map(make_spec(vm::MapType::Hash, 4, 4, 2));
    const uint32_t key = 1, value = 1;
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), 3, 0), -EINVAL);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), 4, 0), -EINVAL);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateExist, 0), -ENOENT);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateNoExist, 0), 0);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateNoExist, 0), -EEXIST);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), vm::kUpdateExist, 0), 0);
    EXPECT_EQ(map->erase(bytes_of(key)), 0);
    EXPECT_EQ(map->erase(bytes_of(key)), -ENOENT);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), 0, 2), -EINVAL) << "no such cpu";
}

TEST(HashMap, AnUpdateLeavesTheOldValueToWhoLookedItUp) {
    const auto map = make_map(make_spec(vm::MapType::Hash, 8, 8, 4));
    const uint64_t key = 1, before = 10, after = 20;
    ASSERT_EQ(map->update(bytes_of(key), bytes_of(before), 0, 0), 0);
    const uint8_t* held = map->lookup(bytes_of(key), 0);
    ASSERT_EQ(map->update(bytes_of(key), bytes_of(after), 0, 0), 0);
    EXPECT_EQ(value_at<uint64_t>(held), before);
    EXPECT_EQ(value_at<uint64_t>(map->lookup(bytes_of(key), 0)), after);
    ASSERT_EQ(map->erase(bytes_of(key)), 0);
    EXPECT_EQ(value_at<uint64_t>(held), before) << "memory stays readable after deletion";
}

TEST(HashMap, AccessFlagsHoldForTheControlSideOnly) {
    const auto map = make_map(make_spec(vm::MapType::Hash, 4, 4, 2, vm::kMapRdonly));
    const uint32_t key = 1, value = 1;
    EXPECT_EQ(map->control_update(bytes_of(key), {bytes_of(value), 4}, 0), -EPERM);
    EXPECT_EQ(map->control_erase(bytes_of(key)), -EPERM);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(value), 0, 0), 0);
}

/// Keys of each size have their own code where the size is usual.
TEST(HashMap, EveryWayToLookUpAgreesWhateverTheKeySize) {
    constexpr uint32_t kEntries = 1'000;
    for (const vm::MapType type : {vm::MapType::Hash, vm::MapType::PercpuHash}) {
        for (const uint32_t bytes : {1u, 4u, 7u, 8u, 12u, 13u, 16u, 20u, 24u, 32u, 36u, 40u, 65u}) {
            const auto map = make_map(make_spec(type, bytes, 8, kEntries));
            std::vector<std::vector<uint8_t>> keys(2 * kEntries, std::vector<uint8_t>(bytes));
            for (uint32_t number = 0; number < keys.size(); ++number)
                std::memcpy(&keys[number][bytes > 4 ? bytes - 4 : 0], &number, std::min(bytes, 4u));
            for (uint32_t i = 0; i < keys.size(); i += 2)
                map->update(keys[i].data(), bytes_of(uint64_t{i}), 0, 1);
            const vm::LookupFn function = map->lookup_function();
            std::array<const uint8_t*, 50> asked{};
            std::array<uint8_t*, 50> values{};
            for (uint32_t first = 0; first < keys.size(); first += 50) {
                for (uint32_t i = 0; i < 50; ++i) asked[i] = keys[first + i].data();
                map->lookup_bulk(asked.data(), 50, values.data(), 1);
                for (uint32_t i = 0; i < 50; ++i) {
                    EXPECT_EQ(values[i] != nullptr, i % 2 == 0) << bytes;
                    EXPECT_EQ(values[i], map->lookup(asked[i], 1));
                    EXPECT_EQ(values[i], function(*map, asked[i], 1));
                    if (bytes >= 4 && i % 2 == 0) {
                        EXPECT_EQ(value_at<uint64_t>(values[i]), first + i);
                    }
                }
            }
        }
    }
}

TEST(HashMap, UsedBytesFollowTheElements) {
    for (const vm::MapType type : {vm::MapType::Hash, vm::MapType::PercpuHash}) {
        const auto map = make_map(make_spec(type, 8, 64, 1'000));
        EXPECT_EQ(map->used_bytes(), 0u);
        for (uint64_t key = 0; key < 500; ++key)
            EXPECT_EQ(map->update(bytes_of(key), bytes_of(std::array<uint64_t, 8>{}), 0, 0), 0);
        const uint64_t half = map->used_bytes();
        EXPECT_GE(half, 500u * 72);
        EXPECT_LE(half, map->memory_bytes());
        EXPECT_EQ(map->control_erase(bytes_of(uint64_t{0})), 0);
        EXPECT_EQ(map->used_bytes(), half / 500 * 499);
    }
}

TEST(PercpuHashMap, LooksUpNothingForCpusThatAreNotThere) {
    const auto map = make_map(make_spec(vm::MapType::PercpuHash, 4, 8, 4));
    const uint32_t key = 1;
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(uint64_t{1}), 0, 0), 0);
    const uint8_t* keys[] = {bytes_of(key)};
    uint8_t* values[] = {reinterpret_cast<uint8_t*>(1)};
    map->lookup_bulk(keys, 1, values, 2);
    EXPECT_EQ(values[0], nullptr);
    EXPECT_EQ(map->lookup_function()(*map, bytes_of(key), 2), nullptr);
}

TEST(PercpuHashMap, ANewKeyHasZeroesOnOtherCpusWhoeverUsedTheElementBefore) {
    const auto map = make_map(make_spec(vm::MapType::PercpuHash, 4, 4, 1), 3);
    EXPECT_EQ(map->control_value_bytes(), 24u);
    const uint32_t first = 1, second = 2, seven = 7;
    EXPECT_EQ(map->control_update(bytes_of(first), {bytes_of(seven), 4}, 0), 0);
    for (uint32_t cpu = 0; cpu < 3; ++cpu)
        EXPECT_EQ(value_at<uint32_t>(map->lookup(bytes_of(first), cpu)), 7u);
    EXPECT_EQ(map->erase(bytes_of(first)), 0);
    EXPECT_EQ(map->update(bytes_of(second), bytes_of(seven), 0, 1), 0);
    EXPECT_EQ(value_at<uint32_t>(map->lookup(bytes_of(second), 0)), 0u);
    EXPECT_EQ(value_at<uint32_t>(map->lookup(bytes_of(second), 1)), 7u);
    EXPECT_EQ(value_at<uint32_t>(map->lookup(bytes_of(second), 2)), 0u);
    EXPECT_EQ(map->lookup(bytes_of(second), 3), nullptr);
}

TEST(PercpuHashMap, UpdatesOfAPresentKeyAreInPlace) {
    const auto map = make_map(make_spec(vm::MapType::PercpuHash, 4, 8, 2), 2);
    const uint32_t key = 1;
    const uint64_t one = 1, two = 2;
    ASSERT_EQ(map->update(bytes_of(key), bytes_of(one), 0, 0), 0);
    ASSERT_EQ(map->update(bytes_of(key), bytes_of(one), 0, 1), 0);
    const uint8_t* held = map->lookup(bytes_of(key), 0);
    ASSERT_EQ(map->update(bytes_of(key), bytes_of(two), vm::kUpdateExist, 0), 0);
    EXPECT_EQ(map->lookup(bytes_of(key), 0), held);
    EXPECT_EQ(value_at<uint64_t>(held), 2u);
    EXPECT_EQ(value_at<uint64_t>(map->lookup(bytes_of(key), 1)), 1u);
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(two), vm::kUpdateNoExist, 0), -EEXIST);
}

TEST(PercpuHashMap, FullIsCounted) {
    const auto map = make_map(make_spec(vm::MapType::PercpuHash, 4, 8, 1), 2);
    const uint32_t first = 1, second = 2;
    const uint64_t value = 0;
    EXPECT_EQ(map->update(bytes_of(first), bytes_of(value), 0, 0), 0);
    EXPECT_EQ(map->update(bytes_of(second), bytes_of(value), 0, 1), -E2BIG);
    EXPECT_EQ(map->full_count(), 1u);
}

}  // namespace
}  // namespace weir::maps
