#include "maps/maps.h"

#include "tests/unit/maps/map_fixtures.h"
#include "vm/base/limits.h"

namespace weir::maps {
namespace {

TEST(CreateMap, RefusesNumbersWithoutAName) {
    const auto map = create_map(make_spec(static_cast<vm::MapType>(4711), 4, 4, 1), 1);
    ASSERT_FALSE(map.has_value());
    EXPECT_EQ(map.error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(map.error().message, "map m: map type 4711 is not offered");
}

TEST(CreateMap, BoundsTheCpuSlots) {
    const vm::MapSpec spec = make_spec(vm::MapType::PercpuArray, 4, 4, 1);
    EXPECT_FALSE(create_map(spec, 0).has_value());
    EXPECT_TRUE(create_map(spec, kWorkersMax).has_value());
    EXPECT_FALSE(create_map(spec, kWorkersMax + 1).has_value());
}

TEST(CreateMap, RefusesMapsThatWouldTakeTooMuch) {
    for (const vm::MapType type : {vm::MapType::Array, vm::MapType::PercpuArray, vm::MapType::Hash,
                                   vm::MapType::PercpuHash, vm::MapType::LpmTrie}) {
        const uint32_t key_bytes = type == vm::MapType::LpmTrie ? 8 : 4;
        const auto map = create_map(make_spec(type, key_bytes, 32768, 1u << 30), kWorkersMax);
        ASSERT_FALSE(map.has_value());
        EXPECT_EQ(map.error().kind, ErrorKind::kResource) << map.error().message;
    }
}

TEST(CreateMap, KeepsTheSpecAndTellsItsMemory) {
    for (const vm::MapType type : {vm::MapType::Array, vm::MapType::PercpuArray, vm::MapType::Hash,
                                   vm::MapType::PercpuHash, vm::MapType::LpmTrie}) {
        const vm::MapSpec spec = make_spec(type, type == vm::MapType::LpmTrie ? 8 : 4, 64, 1000);
        const auto map = make_map(spec);
        EXPECT_TRUE(map->spec().same_definition(spec));
        EXPECT_GE(map->memory_bytes(), 64'000u);
        EXPECT_EQ(map->full_count(), 0u);
    }
}

TEST(CreateMap, AMillionHashEntriesOfSixtyFourBytesStayBelow128MiB) {
    const auto map = make_map(make_spec(vm::MapType::Hash, 16, 64, 1'000'000));
    EXPECT_LE(map->memory_bytes(), 128u << 20);
}

}  // namespace
}  // namespace weir::maps
