#include "vm/program/map_use.h"

#include <gtest/gtest.h>

#include <set>

#include "vm/isa/helper_info.h"

namespace weir::vm {
namespace {

constexpr uint32_t kLookup = 1, kUpdate = 2, kTailCall = 12, kRedirectMap = 51, kPush = 87,
                   kPop = 88, kForEach = 164, kLookupPercpu = 195;

TEST(MapUse, ElementsAreReachedInKindsThatHaveThem) {
    for (const MapType type : {MapType::Array, MapType::LruPercpuHash, MapType::LpmTrie}) {
        EXPECT_TRUE(helper_takes_map(kLookup, type));
        EXPECT_TRUE(helper_takes_map(kUpdate, type));
    }
    for (const MapType type : {MapType::HashOfMaps, MapType::Devmap, MapType::Xskmap}) {
        EXPECT_TRUE(helper_takes_map(kLookup, type)) << map_type_name(type);
        EXPECT_FALSE(helper_takes_map(kUpdate, type)) << map_type_name(type);
    }
    for (const MapType type : {MapType::Cpumap, MapType::ProgArray, MapType::Queue,
                               MapType::BloomFilter, MapType::Ringbuf, MapType::PerfEventArray}) {
        EXPECT_FALSE(helper_takes_map(kLookup, type)) << map_type_name(type);
    }
}

TEST(MapUse, HelpersOfOneKindTakeNoOther) {
    EXPECT_TRUE(helper_takes_map(kTailCall, MapType::ProgArray));
    EXPECT_FALSE(helper_takes_map(kTailCall, MapType::Array));
    EXPECT_TRUE(helper_takes_map(kRedirectMap, MapType::Cpumap));
    EXPECT_FALSE(helper_takes_map(kRedirectMap, MapType::Hash));
    EXPECT_TRUE(helper_takes_map(kPush, MapType::BloomFilter));
    EXPECT_FALSE(helper_takes_map(kPop, MapType::BloomFilter));
    EXPECT_TRUE(helper_takes_map(kForEach, MapType::LruHash));
    EXPECT_FALSE(helper_takes_map(kForEach, MapType::LpmTrie));
    EXPECT_FALSE(helper_takes_map(kLookupPercpu, MapType::Hash));
}

TEST(MapUse, NumbersThatDoNotExistAreTakenByNone) {
    for (uint32_t helper = 0; helper <= kHelperIdMax; ++helper) {
        EXPECT_FALSE(helper_takes_map(helper, static_cast<MapType>(0)));
        EXPECT_FALSE(helper_takes_map(helper, static_cast<MapType>(64)));
        EXPECT_FALSE(helper_takes_map(helper, static_cast<MapType>(UINT32_MAX)));
    }
}

/// A helper with a map argument that takes no kind at all would be a row forgotten.
TEST(MapUse, EveryHelperWithAMapTakesSomeKind) {
    for (uint32_t helper = 0; helper <= kHelperIdMax; ++helper) {
        const HelperInfo* const info = helper_info(helper);
        bool wants_map = false;
        for (const ArgKind kind : info != nullptr ? info->args : std::array<ArgKind, 5>{})
            wants_map = wants_map || kind == ArgKind::Map;
        bool takes_some = false;
        for (uint32_t type = 0; type < 64; ++type)
            takes_some = takes_some || helper_takes_map(helper, static_cast<MapType>(type));
        EXPECT_EQ(wants_map, takes_some) << helper;
    }
}

}  // namespace
}  // namespace weir::vm
