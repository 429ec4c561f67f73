#include "maps/bloom_map.h"

#include <cerrno>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

bool has(vm::Map& map, uint64_t value) {
    const int status = map.peek(reinterpret_cast<uint8_t*>(&value));
    EXPECT_TRUE(status == 0 || status == -ENOENT);
    return status == 0;
}

TEST(BloomFilter, NeverForgetsAndSeldomInvents) {
    constexpr uint64_t kValues = 1000, kOthers = 10'000;
    const auto map = make_map(make_spec(vm::MapType::BloomFilter, 0, 8, kValues));
    for (uint64_t value = 0; value < kValues; ++value) ASSERT_EQ(map->push(bytes_of(value), 0), 0);
    for (uint64_t value = 0; value < kValues; ++value) ASSERT_TRUE(has(*map, value));
    uint32_t wrong = 0;
    for (uint64_t value = kValues; value < kValues + kOthers; ++value)
        wrong += has(*map, value) ? 1 : 0;
    EXPECT_LT(wrong, kOthers / 20) << "five hashes over 8,192 bits: about two in a hundred";
}

TEST(BloomFilter, RefusesWhatTheKernelRefuses) {
    vm::MapSpec spec = make_spec(vm::MapType::BloomFilter, 0, 8, 10);
    spec.extra = 16;
    const auto map = create_map(spec, 1);
    ASSERT_FALSE(map.has_value());
    EXPECT_EQ(map.error().message,
              "map m (bloom_filter): map_extra 16 asks for more than 15 hash functions");
    EXPECT_FALSE(create_map(make_spec(vm::MapType::BloomFilter, 4, 8, 10), 1).has_value());
}

TEST(BloomFilter, TheControlSideAddsAndAsks) {
    const auto map = make_map(make_spec(vm::MapType::BloomFilter, 0, 8, 100));
    uint64_t value = 77;
    const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(&value), 8);
    EXPECT_EQ(map->control_lookup(nullptr, bytes), -ENOENT);
    EXPECT_EQ(map->control_update(nullptr, bytes, vm::kUpdateNoExist), -EINVAL);
    EXPECT_EQ(map->control_update(nullptr, bytes, 0), 0);
    EXPECT_EQ(map->control_lookup(nullptr, bytes), 0);
    EXPECT_EQ(map->pop(bytes.data()), -EOPNOTSUPP);
    EXPECT_EQ(map->control_erase(nullptr), -EOPNOTSUPP);
    EXPECT_EQ(map->next_key(nullptr, nullptr), -EOPNOTSUPP);
}

}  // namespace
}  // namespace weir::maps
