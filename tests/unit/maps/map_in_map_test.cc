#include "maps/map_in_map.h"

#include <cerrno>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

constexpr uint32_t kMissing = 77;

vm::MapSpec outer_spec(vm::MapType type, const vm::MapSpec& inner) {
    vm::MapSpec spec = make_spec(type, 4, 4, 2);
    spec.inner = std::make_shared<vm::MapSpec>(inner);
    return spec;
}

std::string refusal(const vm::MapSpec& spec) {
    const auto map = create_map(spec, 2);
    return map ? "" : map.error().message;
}

TEST(MapInMap, WantsToKnowItsInnerMaps) {
    for (const vm::MapType type : {vm::MapType::ArrayOfMaps, vm::MapType::HashOfMaps}) {
        const std::string name = vm::map_type_name(type);
        EXPECT_EQ(refusal(make_spec(type, 4, 4, 2)),
                  "map m (" + name + "): it does not say what its inner maps are like");
        EXPECT_EQ(refusal(outer_spec(type, make_spec(vm::MapType::ProgArray, 4, 4, 1))),
                  "map m (" + name + "): inner maps cannot be of type prog_array");
        vm::MapSpec wide = outer_spec(type, make_spec(vm::MapType::Hash, 4, 4, 1));
        wide.value_bytes = 8;
        EXPECT_EQ(refusal(wide), "map m (" + name + "): value size 8 must be 4");
    }
    vm::MapSpec spec = outer_spec(vm::MapType::Array, make_spec(vm::MapType::Hash, 4, 4, 1));
    EXPECT_EQ(refusal(spec), "map m (array): only maps of maps have an inner map");
}

TEST(MapInMap, ALookUpGivesTheInnerMap) {
    const vm::MapSpec inner_spec = make_spec(vm::MapType::Hash, 4, 4, 10);
    const auto inner = make_map(inner_spec), second = make_map(inner_spec);
    for (const vm::MapType type : {vm::MapType::ArrayOfMaps, vm::MapType::HashOfMaps}) {
        const auto outer = make_map(outer_spec(type, inner_spec));
        const uint32_t key = 1;
        EXPECT_EQ(outer->lookup(bytes_of(key), 0), nullptr);
        EXPECT_EQ(outer->bind_map(bytes_of(key), inner.get(), 42), 0);
        EXPECT_EQ(reinterpret_cast<vm::Map*>(outer->lookup(bytes_of(key), 0)), inner.get());
        uint32_t id = 0;
        EXPECT_EQ(outer->control_lookup(bytes_of(key), {reinterpret_cast<uint8_t*>(&id), 4}), 0);
        EXPECT_EQ(id, 42u);
        EXPECT_EQ(outer->bind_map(bytes_of(key), second.get(), 43), 0) << "replaces";
        EXPECT_EQ(reinterpret_cast<vm::Map*>(outer->lookup(bytes_of(key), 0)), second.get());
        EXPECT_EQ(outer->entries(), 1u);
        EXPECT_EQ(outer->control_erase(bytes_of(key)), 0);
        EXPECT_EQ(outer->control_erase(bytes_of(key)), -ENOENT);
        EXPECT_EQ(outer->entries(), 0u);
        EXPECT_EQ(outer->lookup(bytes_of(key), 0), nullptr);
        EXPECT_EQ(outer->lookup(bytes_of(kMissing), 0), nullptr);
        EXPECT_FALSE(outer->array_layout().has_value()) << "no look-up without the map's own";
    }
}

TEST(MapInMap, NumbersAloneAreNoMaps) {
    const vm::MapSpec inner_spec = make_spec(vm::MapType::Hash, 4, 4, 10);
    for (const vm::MapType type : {vm::MapType::ArrayOfMaps, vm::MapType::HashOfMaps}) {
        const auto outer = make_map(outer_spec(type, inner_spec));
        const uint32_t key = 0;
        EXPECT_EQ(outer->control_update(bytes_of(key), {bytes_of(key), 4}, 0), -EOPNOTSUPP);
        EXPECT_EQ(outer->update(bytes_of(key), bytes_of(key), 0, 0), -EOPNOTSUPP);
        EXPECT_EQ(outer->bind_map(bytes_of(key), nullptr, 1), -EINVAL);
    }
}

TEST(MapInMap, InnerMapsAreAsPromised) {
    const vm::MapSpec array = make_spec(vm::MapType::Array, 4, 8, 4);
    vm::MapSpec larger = array, flexible = array, other_value = array;
    larger.entries_max = 5;
    other_value.value_bytes = 16;
    flexible.flags = 1u << 12;
    EXPECT_TRUE(is_such_a_map(array, array));
    EXPECT_FALSE(is_such_a_map(array, larger)) << "programs may index it by what they were told";
    EXPECT_FALSE(is_such_a_map(array, other_value));
    EXPECT_FALSE(is_such_a_map(array, flexible));
    vm::MapSpec flexible_larger = flexible;
    flexible_larger.entries_max = 9;
    EXPECT_TRUE(is_such_a_map(flexible, flexible_larger));
    vm::MapSpec locked = array;
    locked.spin_lock_offset = 0;
    EXPECT_FALSE(is_such_a_map(array, locked));
    vm::MapSpec hash = make_spec(vm::MapType::Hash, 4, 8, 4), larger_hash = hash;
    larger_hash.entries_max = 100;
    EXPECT_TRUE(is_such_a_map(hash, larger_hash));
}

TEST(HashOfMaps, HoldsMaxEntriesAndCountsTheRest) {
    const vm::MapSpec inner_spec = make_spec(vm::MapType::Hash, 4, 4, 10);
    const auto inner = make_map(inner_spec);
    const auto outer = make_map(outer_spec(vm::MapType::HashOfMaps, inner_spec));
    for (const uint32_t key : {1u, 2u})
        EXPECT_EQ(outer->bind_map(bytes_of(key), inner.get(), key), 0);
    const uint32_t third = 3;
    EXPECT_EQ(outer->bind_map(bytes_of(third), inner.get(), 3), -E2BIG);
    EXPECT_EQ(outer->full_count(), 1u);
    EXPECT_EQ(outer->entries(), 2u);
}

}  // namespace
}  // namespace weir::maps
