#include <algorithm>
#include <cerrno>
#include <set>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

constexpr int64_t kForEach = 164;

/// What the test's "program" does, in place of an engine.
struct Engine {
    vm::Map* map = nullptr;
    std::vector<uint32_t> keys;
    uint64_t stop_at = UINT64_MAX;
    bool erase = false, replace = false, fault = false;
};

uint64_t run_callback(vm::RunEnv& env, uint64_t function, const std::array<uint64_t, 5>& args) {
    auto& engine = *static_cast<Engine*>(env.engine);
    EXPECT_EQ(function, 1234u);
    EXPECT_EQ(args[0], reinterpret_cast<uint64_t>(engine.map));
    EXPECT_EQ(args[3], 77u) << "the caller's context";
    const auto* key = reinterpret_cast<const uint8_t*>(args[1]);
    engine.keys.push_back(value_at<uint32_t>(key));
    if (engine.erase) {
        EXPECT_EQ(engine.map->erase(key), 0);
    }
    if (engine.replace) {
        EXPECT_EQ(engine.map->update(key, key, vm::kUpdateAny, 0), 0);
    }
    if (engine.fault) env.callback_failed = true;
    return engine.keys.size() >= engine.stop_at ? 1 : 0;
}

int64_t for_each(vm::Map& map, Engine& engine, uint64_t flags = 0) {
    vm::RunEnv env;
    engine.map = &map;
    env.engine = &engine;
    env.call = run_callback;
    return static_cast<int64_t>(
        all_helpers().at(kForEach)(reinterpret_cast<uint64_t>(&map), 1234, 77, flags, 0, env));
}

bool is_lru(vm::MapType type) {
    return type == vm::MapType::LruHash || type == vm::MapType::LruPercpuHash;
}

constexpr vm::MapType kHashKinds[] = {vm::MapType::Hash, vm::MapType::PercpuHash,
                                      vm::MapType::LruHash, vm::MapType::LruPercpuHash};

std::unique_ptr<vm::Map> filled(vm::MapType type, uint32_t count) {
    auto map = make_map(make_spec(type, 4, 4, count));
    for (uint32_t key = 0; key < count; ++key)
        EXPECT_EQ(map->update(bytes_of(key), bytes_of(key), 0, 0), 0);
    return map;
}

TEST(ForEach, VisitsArraysInOrderAndHashesOnce) {
    for (const vm::MapType type : {vm::MapType::Array, vm::MapType::PercpuArray}) {
        Engine engine;
        EXPECT_EQ(for_each(*make_map(make_spec(type, 4, 4, 5)), engine), 5);
        EXPECT_EQ(engine.keys, (std::vector<uint32_t>{0, 1, 2, 3, 4}));
    }
    for (const vm::MapType type : kHashKinds) {
        Engine engine;
        const auto map = filled(type, 500);
        EXPECT_EQ(for_each(*map, engine), map->entries());
        EXPECT_EQ(std::set<uint32_t>(engine.keys.begin(), engine.keys.end()).size(),
                  map->entries());
    }
}

TEST(ForEach, EndsWhenTheCallbackSaysSoOrFails) {
    for (const vm::MapType type : {vm::MapType::Array, vm::MapType::Hash}) {
        Engine engine;
        engine.stop_at = 3;
        const auto map =
            type == vm::MapType::Array ? make_map(make_spec(type, 4, 4, 10)) : filled(type, 10);
        EXPECT_EQ(for_each(*map, engine), 3);
        Engine faulty;
        faulty.fault = true;
        EXPECT_EQ(for_each(*map, faulty), 1);
    }
}

TEST(ForEach, TheElementMayLeaveOrBeReplacedOnTheWay) {
    for (const vm::MapType type : kHashKinds) {
        const auto map = filled(type, 300);
        const uint32_t count = map->entries();
        Engine replacing;
        replacing.replace = true;
        // A full lru_hash gives up other elements for that, and the key may come back elsewhere.
        const int64_t visited = for_each(*map, replacing);
        if (!is_lru(type)) {
            EXPECT_EQ(visited, count);
        }
        EXPECT_LE(visited, 2 * count);
        Engine erasing;
        erasing.erase = true;
        const uint32_t left = map->entries();
        EXPECT_EQ(for_each(*map, erasing), left);
        EXPECT_EQ(map->entries(), 0u);
    }
}

TEST(ForEach, RefusesFlagsAndKindsWithoutElements) {
    Engine engine;
    EXPECT_EQ(for_each(*filled(vm::MapType::Hash, 2), engine, 1), -EINVAL);
    EXPECT_EQ(for_each(*make_map(make_spec(vm::MapType::Queue, 0, 4, 2)), engine), -EOPNOTSUPP);
    vm::RunEnv env;
    const auto map = filled(vm::MapType::Hash, 2);
    EXPECT_EQ(static_cast<int64_t>(all_helpers().at(kForEach)(reinterpret_cast<uint64_t>(map.get()),
                                                              0, 0, 0, 0, env)),
              -EOPNOTSUPP)
        << "an engine that cannot call";
}

TEST(KeyOf, TellsTheKeyOfAValue) {
    for (const vm::MapType type :
         {vm::MapType::Array, vm::MapType::PercpuArray, vm::MapType::Hash, vm::MapType::PercpuHash,
          vm::MapType::LruHash, vm::MapType::LruPercpuHash}) {
        const auto map = type == vm::MapType::Array || type == vm::MapType::PercpuArray
                             ? make_map(make_spec(type, 4, 4, 9))
                             : filled(type, 9);
        for (uint32_t cpu = 0; cpu < 2; ++cpu) {
            const uint32_t key = 7;
            const uint8_t* value = map->lookup(bytes_of(key), cpu);
            ASSERT_NE(value, nullptr) << vm::map_type_name(type);
            uint32_t found = 0;
            ASSERT_TRUE(map->key_of(value, reinterpret_cast<uint8_t*>(&found)));
            EXPECT_EQ(found, key);
            EXPECT_FALSE(map->key_of(value + 1, reinterpret_cast<uint8_t*>(&found)));
            EXPECT_FALSE(map->key_of(bytes_of(key), reinterpret_cast<uint8_t*>(&found)));
        }
    }
}

}  // namespace
}  // namespace weir::maps
