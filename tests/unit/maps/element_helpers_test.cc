#include <cerrno>

#include "maps/maps.h"
#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

uint64_t address(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

uint64_t call(int64_t helper, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, vm::RunEnv& env) {
    return all_helpers().at(helper)(r1, r2, r3, r4, 0, env);
}

TEST(MapHelpers, LookUpdateAndDelete) {
    const auto map = make_map(make_spec(vm::MapType::Hash, 4, 4, 2));
    vm::RunEnv env;
    const uint32_t key = 1, value = 7;
    EXPECT_EQ(call(1, address(map.get()), address(&key), 0, 0, env), 0u);
    EXPECT_EQ(call(2, address(map.get()), address(&key), address(&value), vm::kUpdateNoExist, env),
              0u);
    const uint64_t found = call(1, address(map.get()), address(&key), 0, 0, env);
    ASSERT_NE(found, 0u);
    EXPECT_EQ(value_at<uint32_t>(reinterpret_cast<const uint8_t*>(found)), 7u);
    const auto status =
        call(2, address(map.get()), address(&key), address(&value), vm::kUpdateNoExist, env);
    EXPECT_EQ(static_cast<int64_t>(status), -EEXIST) << "negative in all 64 bits";
    EXPECT_EQ(call(3, address(map.get()), address(&key), 0, 0, env), 0u);
    EXPECT_EQ(static_cast<int64_t>(call(3, address(map.get()), address(&key), 0, 0, env)), -ENOENT);
}

TEST(MapHelpers, UseTheSlotOfTheRunningCpu) {
    const auto map = make_map(make_spec(vm::MapType::PercpuArray, 4, 4, 1), 2);
    vm::RunEnv env;
    env.cpu = 1;
    const uint32_t key = 0, value = 7;
    EXPECT_EQ(call(2, address(map.get()), address(&key), address(&value), 0, env), 0u);
    const uint64_t own = call(1, address(map.get()), address(&key), 0, 0, env);
    EXPECT_EQ(call(195, address(map.get()), address(&key), 1, 0, env), own);
    const uint64_t other = call(195, address(map.get()), address(&key), 0, 0, env);
    ASSERT_NE(other, 0u);
    EXPECT_NE(other, own);
    EXPECT_EQ(call(195, address(map.get()), address(&key), 2, 0, env), 0u) << "no such cpu";
}

}  // namespace
}  // namespace weir::maps
