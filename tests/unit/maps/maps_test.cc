#include "maps/maps.h"

#include "tests/unit/maps/map_fixtures.h"
#include "vm/base/limits.h"

namespace weir::maps {
namespace {

TEST(CreateMap, RefusesNumbersWithoutAName) {
    const auto map = create_map(make_spec(static_cast<vm::MapType>(4711), 4, 4, 1), 1);
    ASSERT_FALSE(map.has_value());
    EXPECT_EQ(map.error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(map.error().message, "map m: there is no map type 4711");
}

/// enum bpf_map_type of Linux 6.18: each number is a kind that is offered, or one that is refused
/// by name and reason. Refusing is what comes over the socket, too.
TEST(CreateMap, OffersOrRefusesEveryKindOfTheKernelByName) {
    constexpr uint32_t kLast = 34;
    for (uint32_t number = 1; number <= kLast; ++number) {
        const auto type = static_cast<vm::MapType>(number);
        const std::string name = vm::map_type_name(type);
        EXPECT_FALSE(name.starts_with("map type")) << number;
        const std::string refusal = vm::map_type_refusal(type);
        const auto map = create_map(make_spec(type, 4, 4, 1), 1);
        EXPECT_EQ(vm::map_type_by_name(name).has_value(), refusal.empty()) << name;
        if (refusal.empty()) continue;
        ASSERT_FALSE(map.has_value()) << name;
        EXPECT_EQ(map.error().kind, ErrorKind::kUnsupported) << name;
        EXPECT_EQ(map.error().message, "map m: " + refusal);
        EXPECT_EQ(vm::map_type_by_name(name).error().message, refusal);
        EXPECT_EQ(refusal.find("maps of type " + name + " are not offered: "), 0u);
    }
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
