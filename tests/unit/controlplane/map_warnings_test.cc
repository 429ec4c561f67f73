#include "controlplane/telemetry/map_warnings.h"

#include <gtest/gtest.h>

#include "tests/unit/controlplane/typed_map.h"

namespace weir::controlplane {
namespace {

using Words = std::vector<std::string>;

TEST(MapWarnings, SayTheNumberAndWhatToRaise) {
    dataplane::api::MapInfo map = plain_map(4, 4);
    map.entries = 99;
    EXPECT_EQ(map_warnings(map), Words{});
    map.entries = 100;
    EXPECT_EQ(map_warnings(map),
              Words{"map fw/plain: full (100 of 100 elements), the next insert will fail: raise "
                    "maps: {fw/plain: {max_entries: 200}}"});
    map.full_count = 7;
    EXPECT_EQ(map_warnings(map),
              Words{"map fw/plain: 7 inserts failed because it was full (100 of 100 elements now): "
                    "raise maps: {fw/plain: {max_entries: 200}}"});
    map.full_count = 0;
    map.entries = 0;
    map.busy_count = 3;
    map.lost_events = 2;
    ASSERT_EQ(map_warnings(map).size(), 2u);
    EXPECT_NE(map_warnings(map)[0].find("2 records lost"), std::string::npos);
    EXPECT_NE(map_warnings(map)[1].find("3 writes given up"), std::string::npos);
}

TEST(MapWarnings, ArraysAndLruMapsAreMeantToBeFull) {
    for (const vm::MapType type :
         {vm::MapType::Array, vm::MapType::LruHash, vm::MapType::PercpuArray}) {
        dataplane::api::MapInfo map = plain_map(4, 4, type);
        map.entries = 100;
        map.evicted_count = 5;
        EXPECT_EQ(map_warnings(map), Words{});
    }
}

}  // namespace
}  // namespace weir::controlplane
