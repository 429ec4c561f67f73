#include "vm/program/definition.h"

#include <gtest/gtest.h>

namespace weir::vm {
namespace {

TEST(DefinitionDifference, ListsWhatIsDifferent) {
    MapSpec before;
    before.type = MapType::Hash;
    before.key_bytes = 4;
    before.value_bytes = 8;
    before.entries_max = 10;
    MapSpec after = before;
    EXPECT_EQ(definition_difference(before, after), "");
    after.value_bytes = 16;
    after.entries_max = 20;
    EXPECT_EQ(definition_difference(before, after), "value_bytes 8 -> 16, max_entries 10 -> 20");
    after.type = MapType::Array;
    EXPECT_EQ(definition_difference(before, after),
              "type hash -> array, value_bytes 8 -> 16, max_entries 10 -> 20");
}

TEST(DefinitionDifference, IsEmptyExactlyWhereDefinitionsAreTheSame) {
    MapSpec before;
    before.value_bytes = 32;
    MapSpec after = before;
    after.spin_lock_offset = 4;
    EXPECT_EQ(definition_difference(before, after), "bpf_spin_lock at none -> 4");
    before = after;
    EXPECT_EQ(definition_difference(before, after), "");
    after.extra = 3;
    EXPECT_EQ(definition_difference(before, after), "map_extra 0 -> 3");
    after = before;
    after.inner = std::make_shared<const MapSpec>();
    EXPECT_EQ(definition_difference(before, after), "the inner map's definition");
}

TEST(MapFlagNames, NameWhatTheyKnowAndShowTheRest) {
    EXPECT_EQ(map_flag_names(0), std::vector<std::string>{});
    EXPECT_EQ(map_flag_names(kMapNoPrealloc | 1u << 1 | 1u << 30),
              (std::vector<std::string>{"no_prealloc", "no_common_lru", "0x40000000"}));
}

}  // namespace
}  // namespace weir::vm
