#include "maps/array_map.h"

#include <cerrno>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

std::string refusal(const vm::MapSpec& spec) {
    const auto map = create_map(spec, 2);
    return map ? "" : map.error().message;
}

TEST(ArrayMap, RefusesWhatTheKernelRefuses) {
    EXPECT_EQ(refusal(make_spec(vm::MapType::Array, 8, 4, 1)),
              "map m (array): key size 8 must be 4: an array's key is an index");
    EXPECT_NE(refusal(make_spec(vm::MapType::Array, 4, 4, 1, vm::kMapNoPrealloc)), "");
    EXPECT_NE(refusal(make_spec(vm::MapType::PercpuArray, 4, 4, 1, vm::kMapMmapable)), "");
    EXPECT_EQ(
        refusal(make_spec(vm::MapType::Array, 4, 4, 1, vm::kMapMmapable | vm::kMapRdonlyProg)), "");
}

TEST(ArrayMap, RefusesContentsThatDoNotFit) {
    vm::MapSpec spec = make_spec(vm::MapType::Array, 4, 4, 1);
    spec.contents = {1, 2, 3};
    EXPECT_EQ(refusal(spec), "map m (array): first contents have 3 bytes, the value has 4");
    spec.contents = {1, 2, 3, 4};
    EXPECT_EQ(refusal(spec), "");
    spec.entries_max = 2;
    EXPECT_NE(refusal(spec), "");
}

TEST(ArrayMap, ElementsAreZeroAndLiveInPlace) {
    const auto map = make_map(make_spec(vm::MapType::Array, 4, 12, 3));
    const uint32_t key = 2;
    uint8_t* value = map->lookup(bytes_of(key), 0);
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(value_at<uint64_t>(value), 0u);
    const uint8_t fresh[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    EXPECT_EQ(map->update(bytes_of(key), fresh, vm::kUpdateAny, 1), 0);
    EXPECT_EQ(map->lookup(bytes_of(key), 1), value);
    EXPECT_EQ(std::memcmp(value, fresh, sizeof fresh), 0);
    EXPECT_EQ(map->entries(), 3u);
}

TEST(ArrayMap, ErrorsAreTheKernels) {
    const auto map = make_map(make_spec(vm::MapType::Array, 4, 4, 3));
    const uint32_t inside = 2, outside = 3, value = 1;
    EXPECT_EQ(map->lookup(bytes_of(outside), 0), nullptr);
    EXPECT_EQ(map->update(bytes_of(outside), bytes_of(value), vm::kUpdateAny, 0), -E2BIG);
    EXPECT_EQ(map->update(bytes_of(outside), bytes_of(value), 3, 0), -EINVAL);
    EXPECT_EQ(map->update(bytes_of(inside), bytes_of(value), vm::kUpdateNoExist, 0), -EEXIST);
    EXPECT_EQ(map->update(bytes_of(inside), bytes_of(value), vm::kUpdateExist, 0), 0);
    EXPECT_EQ(map->erase(bytes_of(inside)), -EINVAL);
    EXPECT_EQ(map->control_erase(bytes_of(inside)), -EINVAL);
    uint8_t buffer[4];
    EXPECT_EQ(map->control_lookup(bytes_of(outside), buffer), -ENOENT);
    EXPECT_EQ(map->control_lookup(bytes_of(inside), std::span(buffer, 3)), -EINVAL);
    EXPECT_EQ(map->control_update(bytes_of(inside), std::span(buffer, 3), vm::kUpdateAny), -EINVAL);
}

TEST(ArrayMap, IteratesFromZeroAndRestartsAfterAKeyThatIsNone) {
    const auto map = make_map(make_spec(vm::MapType::Array, 4, 4, 2));
    uint32_t key = 77;
    auto* raw = reinterpret_cast<uint8_t*>(&key);
    EXPECT_EQ(map->next_key(raw, raw), 0);
    EXPECT_EQ(key, 0u);
    EXPECT_EQ(map->next_key(raw, raw), 0);
    EXPECT_EQ(key, 1u);
    EXPECT_EQ(map->next_key(raw, raw), -ENOENT);
    EXPECT_EQ(map->next_key(nullptr, raw), 0);
    EXPECT_EQ(key, 0u);
}

TEST(ArrayMap, FrozenContentsStay) {
    vm::MapSpec spec = make_spec(vm::MapType::Array, 4, 4, 1, vm::kMapRdonlyProg);
    spec.frozen = true;
    spec.contents = {1, 0, 0, 0};
    const auto map = make_map(spec);
    const uint32_t key = 0, value = 9;
    EXPECT_EQ(map->control_update(bytes_of(key), {bytes_of(value), 4}, vm::kUpdateAny), -EPERM);
    EXPECT_EQ(value_at<uint32_t>(map->direct_value()), 1u);
}

/// Nobody would ever give back a lock that is held from the beginning.
TEST(ArrayMap, FirstContentsHoldNoLock) {
    vm::MapSpec spec = make_spec(vm::MapType::Array, 4, 16, 1);
    spec.spin_lock_offset = 4;
    spec.contents = Bytes(16, 0xff);
    const auto map = make_map(spec);
    EXPECT_EQ(value_at<uint32_t>(map->direct_value()), 0xffffffffu);
    EXPECT_EQ(value_at<uint32_t>(map->direct_value() + 4), 0u);
    const uint32_t key = 0;
    const Bytes update(16, 7);
    EXPECT_EQ(map->control_update(bytes_of(key), update, vm::kUpdateLock), 0);
    EXPECT_EQ(value_at<uint32_t>(map->direct_value()), 0x07070707u);
}

TEST(ArrayMap, OnlyOneElementArraysHaveADirectValue) {
    EXPECT_NE(make_map(make_spec(vm::MapType::Array, 4, 4, 1))->direct_value(), nullptr);
    EXPECT_EQ(make_map(make_spec(vm::MapType::Array, 4, 4, 2))->direct_value(), nullptr);
    EXPECT_EQ(make_map(make_spec(vm::MapType::PercpuArray, 4, 4, 1))->direct_value(), nullptr);
}

TEST(PercpuArrayMap, EachCpuHasItsOwnSlot) {
    const auto map = make_map(make_spec(vm::MapType::PercpuArray, 4, 12, 2), 3);
    EXPECT_EQ(map->control_value_bytes(), 48u);
    const uint32_t key = 1;
    const uint8_t first[12] = {1}, second[12] = {2};
    EXPECT_EQ(map->update(bytes_of(key), first, vm::kUpdateAny, 0), 0);
    EXPECT_EQ(map->update(bytes_of(key), second, vm::kUpdateAny, 2), 0);
    EXPECT_EQ(map->lookup(bytes_of(key), 3), nullptr);
    EXPECT_EQ(map->update(bytes_of(key), second, vm::kUpdateAny, 3), -EINVAL);
    uint8_t all[48];
    ASSERT_EQ(map->control_lookup(bytes_of(key), all), 0);
    EXPECT_EQ(all[0], 1);
    EXPECT_EQ(all[16], 0);
    EXPECT_EQ(all[32], 2);
    EXPECT_EQ(map->control_update(bytes_of(key), first, vm::kUpdateAny), 0)
        << "one value for every slot";
    ASSERT_EQ(map->control_lookup(bytes_of(key), all), 0);
    for (const uint32_t at : {0u, 16u, 32u}) EXPECT_EQ(all[at], 1);
}

}  // namespace
}  // namespace weir::maps
