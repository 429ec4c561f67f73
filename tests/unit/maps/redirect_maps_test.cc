// Devmap, DevmapHash, Cpumap, Xskmap and the helper that sends packets by them.

#include <cerrno>
#include <vector>

#include "maps/cpumap.h"
#include "maps/devmap.h"
#include "maps/xskmap.h"
#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

struct Value8 {
    uint32_t number, program;
};

class Program final : public vm::Runnable {
public:
    uint64_t call(uint64_t, const std::array<uint64_t, 5>&, vm::RunEnv&) const override {
        return 0;
    }
};

int set(vm::Map& map, uint32_t key, Value8 value, uint64_t flags = 0) {
    return map.control_update(bytes_of(key), {bytes_of(value), map.spec().value_bytes}, flags);
}

uint64_t redirect(vm::Map& map, uint64_t key, uint64_t flags, vm::RunEnv& env) {
    return all_helpers().at(51)(reinterpret_cast<uint64_t>(&map), key, flags, 0, 0, env);
}

TEST(Devmap, HoldsInterfacesByIndex) {
    const auto map = make_map(make_spec(vm::MapType::Devmap, 4, 4, 3));
    const uint32_t key = 1;
    EXPECT_EQ(map->lookup(bytes_of(key), 0), nullptr);
    EXPECT_EQ(set(*map, 1, {7, 0}), 0);
    ASSERT_NE(map->lookup(bytes_of(key), 0), nullptr);
    EXPECT_EQ(value_at<uint32_t>(map->lookup(bytes_of(key), 0)), 7u);
    EXPECT_EQ(set(*map, 3, {7, 0}), -E2BIG);
    EXPECT_EQ(set(*map, 1, {8, 0}, vm::kUpdateNoExist), -EEXIST);
    EXPECT_EQ(set(*map, 1, {0, 0}), 0) << "interface 0 empties the entry";
    EXPECT_EQ(map->lookup(bytes_of(key), 0), nullptr);
    EXPECT_EQ(map->control_erase(bytes_of(key)), 0) << "also of an empty entry";
    EXPECT_EQ(map->update(bytes_of(key), bytes_of(key), 0, 0), -EINVAL) << "not from programs";
}

TEST(DevmapHash, HoldsInterfacesByAnyKey) {
    const auto map = make_map(make_spec(vm::MapType::DevmapHash, 4, 8, 2));
    EXPECT_EQ(set(*map, 1'000'000, {7, 0}), 0);
    EXPECT_EQ(set(*map, 2, {8, 0}, vm::kUpdateExist), 0) << "the kernel does not insist either";
    EXPECT_EQ(set(*map, 3, {9, 0}), -E2BIG);
    EXPECT_EQ(map->full_count(), 1u);
    EXPECT_EQ(set(*map, 2, {0, 0}), -EINVAL);
    const uint32_t key = 2;
    EXPECT_EQ(map->control_erase(bytes_of(key)), 0);
    EXPECT_EQ(map->control_erase(bytes_of(key)), -ENOENT);
    EXPECT_EQ(map->entries(), 1u);
}

TEST(Devmap, AProgramMayStandBehindAnEntry) {
    const Program program;
    for (const vm::MapType type :
         {vm::MapType::Devmap, vm::MapType::DevmapHash, vm::MapType::Cpumap}) {
        const auto map = make_map(make_spec(type, 4, 8, 2));
        const uint32_t key = 1;
        EXPECT_EQ(map->bind_program(bytes_of(key), &program, 5), -ENOENT);
        EXPECT_EQ(set(*map, 1, {7, 5}), -EINVAL) << "a number is no program";
        EXPECT_EQ(set(*map, 1, {7, 0}), 0);
        EXPECT_EQ(map->program_at(1), nullptr);
        EXPECT_EQ(map->bind_program(bytes_of(key), &program, 5), 0);
        EXPECT_EQ(map->program_at(1), &program);
        Value8 seen{};
        EXPECT_EQ(map->control_lookup(bytes_of(key), {reinterpret_cast<uint8_t*>(&seen), 8}), 0);
        EXPECT_EQ(seen.number, 7u);
        EXPECT_EQ(seen.program, 5u);
        EXPECT_EQ(set(*map, 1, {9, 5}), 0) << "what was read may be written back";
        EXPECT_EQ(map->program_at(1), &program);
        EXPECT_EQ(set(*map, 1, {9, 0}), 0);
        EXPECT_EQ(map->program_at(1), nullptr);
        const auto narrow = make_map(make_spec(type, 4, 4, 2));
        EXPECT_EQ(set(*narrow, 1, {7, 0}), 0);
        EXPECT_EQ(narrow->bind_program(bytes_of(key), &program, 5), -EOPNOTSUPP);
    }
}

TEST(Devmap, EntriesThatAreSetAreVisited) {
    for (const vm::MapType type : {vm::MapType::Devmap, vm::MapType::DevmapHash}) {
        const auto map = make_map(make_spec(type, 4, 4, 10));
        for (const uint32_t key : {2u, 5u, 9u}) EXPECT_EQ(set(*map, key, {key + 100, 0}), 0);
        uint32_t sum = 0;
        const auto add = [](void* opaque, const uint8_t* key, uint8_t* value) -> uint64_t {
            EXPECT_EQ(value_at<uint32_t>(key) + 100, value_at<uint32_t>(value));
            *static_cast<uint32_t*>(opaque) += value_at<uint32_t>(key);
            return 0;
        };
        EXPECT_EQ(map->for_each(add, &sum, 0), 3);
        EXPECT_EQ(sum, 16u);
    }
}

TEST(Cpumap, HoldsQueuesToWorkersThatExist) {
    const auto map = make_map(make_spec(vm::MapType::Cpumap, 4, 4, 4), 2);
    EXPECT_EQ(set(*map, 0, {kCpumapQueueMax, 0}), 0);
    EXPECT_EQ(set(*map, 1, {kCpumapQueueMax + 1, 0}), -EOVERFLOW);
    EXPECT_EQ(set(*map, 2, {64, 0}), -ENODEV);
    EXPECT_EQ(set(*map, 4, {64, 0}), -E2BIG);
    const uint32_t key = 0, beyond = 4;
    EXPECT_EQ(map->control_erase(bytes_of(key)), 0);
    EXPECT_EQ(map->control_erase(bytes_of(beyond)), -EINVAL);
    const auto too_many = create_map(make_spec(vm::MapType::Cpumap, 4, 4, 8193), 2);
    ASSERT_FALSE(too_many.has_value());
    EXPECT_EQ(too_many.error().message, "map m (cpumap): max_entries 8193 exceeds 8192 cpus");
}

TEST(Xskmap, TakesSocketsAndDoesNotGiveThemBack) {
    const auto map = make_map(make_spec(vm::MapType::Xskmap, 4, 4, 2));
    const uint32_t key = 1;
    EXPECT_EQ(set(*map, 1, {0, 0}, vm::kUpdateExist), -ENOENT);
    EXPECT_EQ(set(*map, 1, {0, 0}), 0) << "number 0 is a socket too";
    EXPECT_EQ(static_cast<Xskmap&>(*map).socket_at(1), 0u);
    EXPECT_EQ(set(*map, 1, {9, 0}, vm::kUpdateNoExist), -EEXIST);
    EXPECT_EQ(set(*map, 1, {0, 0}, vm::kUpdateNoExist), 0) << "the same again is fine";
    uint32_t seen = 0;
    EXPECT_EQ(map->control_lookup(bytes_of(key), {reinterpret_cast<uint8_t*>(&seen), 4}),
              -EOPNOTSUPP);
    EXPECT_NE(map->lookup(bytes_of(key), 0), nullptr) << "programs see that there is one";
    vm::RunEnv env;
    EXPECT_EQ(redirect(*map, 1, 0, env), vm::XDP_REDIRECT);
    EXPECT_EQ(map->control_erase(bytes_of(key)), 0);
    EXPECT_EQ(map->lookup(bytes_of(key), 0), nullptr);
    EXPECT_EQ(redirect(*map, 1, 2, env), vm::XDP_PASS);
}

TEST(RedirectMap, EntriesAreThoseThatAreSet) {
    for (const vm::MapType type :
         {vm::MapType::Devmap, vm::MapType::DevmapHash, vm::MapType::Cpumap, vm::MapType::Xskmap}) {
        SCOPED_TRACE(vm::map_type_name(type));
        const auto map = make_map(make_spec(type, 4, 4, 100), 100);
        EXPECT_EQ(map->entries(), 0u);
        for (const uint32_t key : {3u, 7u, 99u}) EXPECT_EQ(set(*map, key, {7, 0}), 0);
        EXPECT_EQ(set(*map, 3, {8, 0}), 0) << "another target is no other entry";
        EXPECT_EQ(map->entries(), 3u);
        const uint32_t key = 3;
        EXPECT_EQ(map->control_erase(bytes_of(key)), 0);
        map->control_erase(bytes_of(key));
        EXPECT_EQ(map->entries(), 2u);
    }
}

TEST(RedirectMap, SaysWhereAndWhatIfNowhere) {
    const auto map = make_map(make_spec(vm::MapType::Devmap, 4, 4, 4));
    EXPECT_EQ(set(*map, 2, {7, 0}), 0);
    vm::RunEnv env;
    EXPECT_EQ(redirect(*map, 2, 0, env), vm::XDP_REDIRECT);
    EXPECT_EQ(env.redirect_ifindex, vm::kRedirectByMap);
    EXPECT_EQ(env.redirect_to.map, map.get());
    EXPECT_EQ(env.redirect_to.key, 2u);
    EXPECT_EQ(redirect(*map, 1, 1, env), vm::XDP_DROP) << "the verdict of the caller";
    EXPECT_EQ(env.redirect_ifindex, 0u) << "the last call counts";
    EXPECT_EQ(redirect(*map, 2, 0x20, env), vm::XDP_ABORTED) << "no such flag";
}

TEST(RedirectMap, BroadcastsToDevicesOnly) {
    constexpr uint64_t kBroadcast = 8, kExcludeIngress = 16;
    vm::RunEnv env;
    const auto devices = make_map(make_spec(vm::MapType::DevmapHash, 4, 4, 4));
    EXPECT_EQ(redirect(*devices, 0, kBroadcast | kExcludeIngress, env), vm::XDP_REDIRECT);
    EXPECT_EQ(env.redirect_to.flags, kBroadcast | kExcludeIngress);
    const auto cpus = make_map(make_spec(vm::MapType::Cpumap, 4, 4, 2));
    EXPECT_EQ(redirect(*cpus, 0, kBroadcast, env), vm::XDP_ABORTED);
    const auto array = make_map(make_spec(vm::MapType::Array, 4, 4, 2));
    EXPECT_EQ(redirect(*array, 0, 2, env), vm::XDP_ABORTED) << "believes no map without asking";
}

}  // namespace
}  // namespace weir::maps
