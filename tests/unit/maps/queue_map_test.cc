#include "maps/queue_map.h"

#include <cerrno>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

constexpr int64_t kPush = 87, kPop = 88, kPeek = 89;

uint32_t taken(vm::Map& map, int (vm::Map::*take)(uint8_t*)) {
    uint32_t value = 0;
    EXPECT_EQ((map.*take)(reinterpret_cast<uint8_t*>(&value)), 0);
    return value;
}

void fill(vm::Map& map, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t value = first + i;
        ASSERT_EQ(map.push(bytes_of(value), 0), 0);
    }
}

TEST(Queue, GivesTheOldestFirst) {
    const auto map = make_map(make_spec(vm::MapType::Queue, 0, 4, 3));
    fill(*map, 1, 3);
    EXPECT_EQ(taken(*map, &vm::Map::peek), 1u);
    EXPECT_EQ(taken(*map, &vm::Map::pop), 1u);
    fill(*map, 4, 1);
    for (const uint32_t expected : {2u, 3u, 4u}) EXPECT_EQ(taken(*map, &vm::Map::pop), expected);
    EXPECT_EQ(map->entries(), 0u);
}

TEST(Stack, GivesTheNewestFirst) {
    const auto map = make_map(make_spec(vm::MapType::Stack, 0, 4, 3));
    fill(*map, 1, 3);
    EXPECT_EQ(taken(*map, &vm::Map::peek), 3u);
    EXPECT_EQ(taken(*map, &vm::Map::pop), 3u);
    fill(*map, 4, 1);
    for (const uint32_t expected : {4u, 2u, 1u}) EXPECT_EQ(taken(*map, &vm::Map::pop), expected);
}

TEST(Queue, WhenFullRefusesOrLosesTheOldest) {
    for (const vm::MapType type : {vm::MapType::Queue, vm::MapType::Stack}) {
        const auto map = make_map(make_spec(type, 0, 4, 2));
        fill(*map, 1, 2);
        const uint32_t value = 3;
        EXPECT_EQ(map->push(bytes_of(value), 0), -E2BIG);
        EXPECT_EQ(map->full_count(), 1u);
        EXPECT_EQ(map->push(bytes_of(value), vm::kUpdateNoExist), -EINVAL);
        EXPECT_EQ(map->push(bytes_of(value), vm::kUpdateExist), 0);
        const bool queue = type == vm::MapType::Queue;
        EXPECT_EQ(taken(*map, &vm::Map::pop), queue ? 2u : 3u);
        EXPECT_EQ(taken(*map, &vm::Map::pop), queue ? 3u : 2u);
    }
}

TEST(Queue, UsedBytesFollowTheEntries) {
    const auto map = make_map(make_spec(vm::MapType::Queue, 0, 4, 3));
    EXPECT_EQ(map->used_bytes(), 0u);
    fill(*map, 1, 2);
    EXPECT_EQ(map->used_bytes(), 8u);
    taken(*map, &vm::Map::pop);
    EXPECT_EQ(map->used_bytes(), 4u);
}

TEST(Queue, AnEmptyOneGivesZeroes) {
    const auto map = make_map(make_spec(vm::MapType::Queue, 0, 4, 2));
    uint32_t value = 9;
    EXPECT_EQ(map->pop(reinterpret_cast<uint8_t*>(&value)), -ENOENT);
    EXPECT_EQ(value, 0u);
}

TEST(Queue, TheControlSidePushesAndPeeks) {
    const auto map = make_map(make_spec(vm::MapType::Queue, 0, 4, 2));
    const uint32_t value = 5;
    uint32_t seen = 0;
    EXPECT_EQ(map->control_update(nullptr, {bytes_of(value), 4}, 0), 0);
    EXPECT_EQ(map->control_lookup(nullptr, {reinterpret_cast<uint8_t*>(&seen), 4}), 0);
    EXPECT_EQ(seen, 5u);
    EXPECT_EQ(map->control_erase(nullptr), -EINVAL);
    EXPECT_EQ(map->next_key(nullptr, nullptr), -EINVAL);
    EXPECT_EQ(map->lookup(nullptr, 0), nullptr);
}

TEST(QueueHelpers, ReachQueuesAndRefuseOtherKinds) {
    const auto map = make_map(make_spec(vm::MapType::Stack, 0, 4, 2));
    const auto array = make_map(make_spec(vm::MapType::Array, 4, 4, 2));
    vm::RunEnv env;
    uint32_t value = 5;
    const auto call = [&](int64_t helper, vm::Map& on) {
        return static_cast<int64_t>(all_helpers().at(helper)(
            reinterpret_cast<uint64_t>(&on), reinterpret_cast<uint64_t>(&value), 0, 0, 0, env));
    };
    EXPECT_EQ(call(kPush, *map), 0);
    value = 0;
    EXPECT_EQ(call(kPeek, *map), 0);
    EXPECT_EQ(value, 5u);
    EXPECT_EQ(call(kPop, *map), 0);
    EXPECT_EQ(call(kPop, *map), -ENOENT);
    for (const int64_t helper : {kPush, kPop, kPeek}) EXPECT_EQ(call(helper, *array), -EOPNOTSUPP);
}

}  // namespace
}  // namespace weir::maps
