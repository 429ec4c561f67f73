#include "controlplane/cli/map_changes.h"

#include <gtest/gtest.h>

#include "tests/unit/controlplane/typed_map.h"

namespace weir::controlplane::cli {
namespace {

Bytes key(uint8_t last) {
    return {192, 0, 2, last, 0, 80, 6, 0};
}
Bytes value(uint8_t rate) {
    return {rate, 0, 0, 0, 0, 0, 0, 0};
}

const MapReading kBefore = {{key(1), value(10)}, {key(2), value(20)}, {key(3), value(30)}};
const MapReading kNow = {{key(1), value(10)}, {key(2), value(50)}, {key(4), value(7)}};

TEST(MapChanges, CountsWhatChangedCameAndWent) {
    const MapChanges changes = changes_between(typed_map(), kBefore, kNow, 2.0);
    EXPECT_EQ(changes.elements, 3u);
    EXPECT_EQ(changes.changed, 1u);
    EXPECT_EQ(changes.added, 1u);
    EXPECT_EQ(changes.gone, 1u);
    ASSERT_EQ(changes.list.size(), 3u);
    EXPECT_TRUE(changes.list[0].difference[0] == 30);
    EXPECT_TRUE(changes.list[1].difference[0] == -30);
    EXPECT_TRUE(changes.list[2].difference[0] == 7);
}

TEST(MapChanges, TextHasValuesAndRates) {
    const MapChanges changes = changes_between(typed_map(), kBefore, kNow, 2.0);
    EXPECT_EQ(changes_text(typed_map(), changes, 2),
              "fw/limits: 3 elements, in 2.0 s 1 changed, 1 added, 1 gone\n"
              "key.saddr  key.port  key.protocol  value.rate   /s  value.burst  /s  value.marks\n"
              "192.0.2.2  80        tcp                   50  +15            0  +0  [0,0]\n"
              "192.0.2.3  80        tcp                    -  -15            -  +0  -            "
              "gone\n"
              "… and 1 more\n");
    EXPECT_EQ(changes_text(typed_map(), changes_between(typed_map(), kNow, kNow, 1.0), 2),
              "fw/limits: 3 elements, in 1.0 s 0 changed, 0 added, 0 gone\n");
}

TEST(MapChanges, JsonHasDifferencesAndRates) {
    const MapChanges changes = changes_between(typed_map(), kBefore, kNow, 2.0);
    const Json document = changes_json(typed_map(), changes, 1);
    EXPECT_EQ(document["gone"], 1);
    ASSERT_EQ(document["changes"].size(), 1u);
    EXPECT_EQ(document["changes"][0]["change"], "changed");
    EXPECT_EQ(document["changes"][0]["key"]["saddr"], "192.0.2.2");
    EXPECT_EQ(document["changes"][0]["value"]["rate"], 50);
    EXPECT_EQ(document["changes"][0]["difference"]["value.rate"], 30);
    EXPECT_EQ(document["changes"][0]["rate"]["value.rate"], 15.0);
}

TEST(MapChanges, PerCpuValuesCountTogether) {
    const auto map = plain_map(4, 8, vm::MapType::PercpuArray, 2);
    Bytes before(16), now(16);
    now[0] = 1;
    now[8] = 2;
    const MapChanges changes = changes_between(map, {{Bytes(4), before}}, {{Bytes(4), now}}, 1.0);
    ASSERT_EQ(changes.list.size(), 1u);
    EXPECT_TRUE(changes.list[0].difference[0] == 3);
}

}  // namespace
}  // namespace weir::controlplane::cli
