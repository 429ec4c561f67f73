#include "controlplane/cli/offline_maps.h"

#include <gtest/gtest.h>

#include "tests/unit/controlplane/offline_object.h"

namespace weir::controlplane::cli {
namespace {

vm::MapSpec map_of(const std::string& name, vm::MapType type, uint32_t key_bytes,
                   uint32_t value_bytes, uint32_t entries_max) {
    vm::MapSpec map;
    map.name = name;
    map.type = type;
    map.key_bytes = key_bytes;
    map.value_bytes = value_bytes;
    map.entries_max = entries_max;
    return map;
}

/// "outer" has "first" in slot 0.
vm::ObjectSpec nested() {
    const vm::MapSpec inner = map_of("first", vm::MapType::Array, 4, 8, 1);
    vm::MapSpec outer = map_of("outer", vm::MapType::ArrayOfMaps, 4, 4, 2);
    outer.inner = std::make_shared<vm::MapSpec>(inner);
    outer.slots = {{0, "first"}};
    vm::ObjectSpec object;
    object.maps = {outer, inner, map_of("other", vm::MapType::Hash, 4, 8, 1)};
    return object;
}

const FindProgram kNoProgram = [](const std::string& name) -> Result<BoundProgram> {
    return fail(ErrorKind::kInvalid, "no program " + name);
};

TEST(OfflineMaps, BindsInnerMapsThatTheObjectNames) {
    Result<OfflineMaps> maps = OfflineMaps::make(nested(), returning("p", 0));
    ASSERT_TRUE(maps) << maps.error().message;
    const uint32_t slot = 0;
    uint8_t* const found = maps->find("outer")->lookup(reinterpret_cast<const uint8_t*>(&slot), 0);
    EXPECT_EQ(reinterpret_cast<vm::Map*>(found), maps->find("first"));
    const OfflineElements elements = OfflineMaps::elements(*maps->find("outer"));
    ASSERT_EQ(elements.size(), 1u);
    EXPECT_EQ(elements[0].second, (Bytes{2, 0, 0, 0})) << "the second map of the object";
    EXPECT_EQ(maps->id_of("first"), 2u);
    EXPECT_EQ(maps->id_of("nowhere"), 0u);
}

TEST(OfflineMaps, RefusesInnerMapsOfAnotherDefinition) {
    vm::ObjectSpec object = nested();
    object.maps[0].slots[0].target = "other";
    const Result<OfflineMaps> maps = OfflineMaps::make(object, returning("p", 0));
    ASSERT_FALSE(maps);
    EXPECT_NE(maps.error().message.find("definition of its inner maps"), std::string::npos)
        << maps.error().message;
    object.maps[0].slots[0].target = "nowhere";
    EXPECT_FALSE(OfflineMaps::make(object, returning("p", 0)));
}

TEST(OfflineMaps, NeedsOnlyTheMapsThatTheProgramRefersTo) {
    vm::ObjectSpec object;
    object.maps = {map_of("wrong", vm::MapType::Array, 3, 8, 1)};
    EXPECT_TRUE(OfflineMaps::make(object, returning("p", 0)));
    vm::ProgramSpec user = returning("p", 0);
    user.maps = object.maps;
    const Result<OfflineMaps> maps = OfflineMaps::make(object, user);
    ASSERT_FALSE(maps);
    EXPECT_EQ(maps.error().message,
              "map wrong (array): key size 3 must be 4: an array's key is an index");
}

TEST(OfflineMaps, EmptiesAQueueInTheOrderOfItsPops) {
    vm::ObjectSpec object;
    object.maps = {map_of("queue", vm::MapType::Queue, 0, 4, 4),
                   map_of("stack", vm::MapType::Stack, 0, 4, 4)};
    const Result<OfflineMaps> maps = OfflineMaps::make(object, returning("p", 0));
    ASSERT_TRUE(maps) << maps.error().message;
    for (const char* name : {"queue", "stack"})
        for (const uint8_t value : {uint8_t{1}, uint8_t{2}}) {
            const Bytes bytes = {value, 0, 0, 0};
            ASSERT_EQ(maps->find(name)->push(bytes.data(), 0), 0);
        }
    const OfflineElements queue = OfflineMaps::elements(*maps->find("queue"));
    ASSERT_EQ(queue.size(), 2u);
    EXPECT_EQ(queue[0].second[0], 1);
    EXPECT_TRUE(queue[0].first.empty());
    EXPECT_EQ(OfflineMaps::elements(*maps->find("stack"))[0].second[0], 2);
    EXPECT_TRUE(OfflineMaps::elements(*maps->find("queue")).empty());
    EXPECT_FALSE(OfflineMaps::take_events(*maps->find("queue")).has_value());
}

TEST(OfflineMaps, NamesWhatIsWrongWithAFill) {
    Result<OfflineMaps> maps = OfflineMaps::make(nested(), returning("p", 0));
    ASSERT_TRUE(maps);
    const auto says = [&](const std::string& option) {
        const Result<void> filled = maps->fill(option, kNoProgram);
        return filled ? std::string() : filled.error().message;
    };
    EXPECT_EQ(says("outer"), "--map-fill: value 'outer', expected NAME=FILE");
    EXPECT_EQ(says("outher=x"),
              "--map-fill: value 'outher', expected a map of the object: outer, first, other");
    EXPECT_NE(says("other=/nowhere").find("/nowhere"), std::string::npos);
}

TEST(OfflineMaps, LeaveZeroesOfLargeArraysOut) {
    vm::ObjectSpec object;
    object.maps = {map_of("table", vm::MapType::Array, 4, 8, 300),
                   map_of("flows", vm::MapType::Hash, 4, 8, 300)};
    const auto maps = OfflineMaps::make(object, {});
    ASSERT_TRUE(maps) << maps.error().message;
    const Bytes key = {44, 1, 0, 0}, nine = {9, 0, 0, 0}, zero(8), one = {1, 0, 0, 0, 0, 0, 0, 0};
    vm::Map& table = *maps->find("table");
    vm::Map& flows = *maps->find("flows");
    ASSERT_EQ(table.control_update(nine.data(), one, 0), 0);
    ASSERT_EQ(flows.control_update(key.data(), zero, 0), 0);
    EXPECT_EQ(OfflineMaps::elements(table, 300).size(), 300u);
    const OfflineElements few = OfflineMaps::elements(table, 299);
    ASSERT_EQ(few.size(), 1u);
    EXPECT_EQ(few[0], std::pair(nine, one));
    EXPECT_EQ(OfflineMaps::elements(flows, 0).size(), 1u) << "who is there says something";
}

}  // namespace
}  // namespace weir::controlplane::cli
