#include "controlplane/deploy/slot_plan.h"

#include <gtest/gtest.h>

namespace weir::controlplane {
namespace {

vm::MapSpec map(std::string name, vm::MapType type, std::vector<vm::InitialSlot> slots = {}) {
    return {.name = std::move(name),
            .type = type,
            .key_bytes = 4,
            .value_bytes = 4,
            .entries_max = 8,
            .slots = std::move(slots)};
}

vm::ProgramSpec program(std::string name, std::vector<vm::MapSpec> maps) {
    vm::ProgramSpec spec;
    spec.name = std::move(name);
    spec.maps = std::move(maps);
    return spec;
}

TEST(SlotPlan, BringsAlongWhatSlotsLeadToEachOnce) {
    const vm::MapSpec jumps =
        map("jumps", vm::MapType::ProgArray, {{0, "entry"}, {2, "second"}, {5, "second"}});
    const vm::MapSpec outer = map("outer", vm::MapType::ArrayOfMaps, {{1, "inner"}});
    const vm::MapSpec own = map("own", vm::MapType::Hash), inner = map("inner", vm::MapType::Array);
    vm::ObjectSpec object;
    object.maps = {jumps, outer, own, inner};
    object.programs = {program("entry", {jumps}), program("second", {jumps, outer, own}),
                       program("other", {inner})};
    const auto plan = plan_slots(object, object.programs[0]);
    ASSERT_TRUE(plan) << plan.error().message;
    ASSERT_EQ(plan->programs.size(), 2u);
    EXPECT_EQ(plan->programs[0]->name, "entry");
    EXPECT_EQ(plan->programs[1]->name, "second");
    ASSERT_EQ(plan->maps.size(), 4u);
    const auto& slots = plan->slots[plan->index_of("jumps")];
    ASSERT_EQ(slots.size(), 3u);
    EXPECT_EQ(slots[0].target, 0u);
    EXPECT_EQ(slots[2].key, (Bytes{5, 0, 0, 0}));
    EXPECT_EQ(slots[2].target, 1u);
    ASSERT_EQ(plan->slots[plan->index_of("outer")].size(), 1u);
    EXPECT_EQ(plan->maps[plan->slots[plan->index_of("outer")][0].target]->name, "inner");
    EXPECT_TRUE(plan->slots[plan->index_of("own")].empty());
}

TEST(SlotPlan, OfAProgramWithoutSlotsIsItself) {
    vm::ObjectSpec object;
    object.maps = {map("own", vm::MapType::Hash)};
    object.programs = {program("entry", object.maps)};
    const auto plan = plan_slots(object, object.programs[0]);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->programs.size(), 1u);
    EXPECT_EQ(plan->maps.size(), 1u);
}

TEST(SlotPlan, RefusesProgramsThatMayNotRunInEachOthersPlace) {
    const vm::MapSpec jumps = map("jumps", vm::MapType::ProgArray, {{3, "other"}});
    vm::ObjectSpec object;
    object.maps = {jumps};
    object.programs = {program("entry", {jumps}), program("other", {})};
    object.programs[1].type = vm::ProgramType::SocketFilter;
    EXPECT_EQ(plan_slots(object, object.programs[0]).error().message,
              "map jumps: slot 3: program other is of type socket, expected xdp as entry is");
    object.programs[1].type = vm::ProgramType::Xdp;
    object.programs[1].has_frags = true;
    EXPECT_EQ(plan_slots(object, object.programs[0]).error().message,
              "map jumps: slot 3: of other and entry only one is of xdp.frags");
    object.programs.pop_back();
    EXPECT_EQ(plan_slots(object, object.programs[0]).error().message,
              "map jumps: slot 3: the object has no program 'other'");
}

}  // namespace
}  // namespace weir::controlplane
