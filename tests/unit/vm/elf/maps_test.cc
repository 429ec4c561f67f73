// Definitions of maps in all their spellings.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/vm/elf/loaded_object.h"
#include "tests/unit/vm/elf/object_builder.h"
#include "vm/base/limits.h"
#include "vm/elf/map_table.h"

namespace weir::vm {
namespace {

using tests::load;
using tests::map_named;

const LoadOptions kOffline{.assume_entries_max = 64};

class MapFields : public testing::TestWithParam<std::string> {
protected:
    MapFields() : object_(load("loader/map_fields." + GetParam() + ".o", kOffline)) {}

    const MapSpec& map(std::string_view name) const {
        static const MapSpec kNone;
        const MapSpec* found = map_named(object_.maps, name);
        EXPECT_NE(found, nullptr) << name;
        return found == nullptr ? kNone : *found;
    }

    ObjectSpec object_;
};

TEST_P(MapFields, FillSlots) {
    ASSERT_EQ(map("tables").slots.size(), 3u);
    EXPECT_EQ(map("tables").slots[0].index, 1u);
    EXPECT_EQ(map("tables").slots[0].target, "first_table");
    EXPECT_EQ(map("tables").slots[1].target, "second_table");
    EXPECT_EQ(map("tables").slots[2].index, 5u);
    ASSERT_EQ(map("jumps").slots.size(), 1u);
    EXPECT_EQ(map("jumps").slots[0].index, 2u);
    EXPECT_EQ(map("jumps").slots[0].target, "later");
    EXPECT_TRUE(tests::has_notice(object_, "slot 0 stays empty: program \"shaped\""));
    // Programs carry what the object's own list says.
    const ProgramSpec* jumper = tests::program_named(object_, "jumper");
    ASSERT_NE(jumper, nullptr);
    EXPECT_EQ(jumper->maps[0].slots.size(), 1u);
}

TEST_P(MapFields, SayWhatInnerMapsAreLike) {
    ASSERT_TRUE(map("tables").inner);
    EXPECT_EQ(map("tables").inner->type, MapType::Array);
    EXPECT_EQ(map("tables").inner->entries_max, 4u);
    EXPECT_EQ(map("tables").inner->value_bytes, 8u);
    EXPECT_EQ(map("tables").value_bytes, 4u);
    const MapSpec& anonymous = map("anonymous");
    EXPECT_EQ(anonymous.type, MapType::HashOfMaps);
    EXPECT_EQ(anonymous.entries_max, 64u);
    ASSERT_TRUE(anonymous.inner);
    EXPECT_EQ(anonymous.inner->key_bytes, 8u);
    EXPECT_EQ(anonymous.inner->entries_max, 64u);
    EXPECT_EQ(anonymous.inner->spin_lock_offset, 12u);
    EXPECT_EQ(anonymous.inner->timer_offset, 16u);
}

TEST_P(MapFields, FindLocksAndTimersInValues) {
    EXPECT_EQ(map("guarded").spin_lock_offset, 12u);
    EXPECT_EQ(map("guarded").timer_offset, 16u);
    EXPECT_EQ(map("first_table").spin_lock_offset, kNoOffset);
    EXPECT_NE(map(".data.locks").spin_lock_offset, kNoOffset);
    EXPECT_NE(tests::reason_of(object_, "uses_doubled").find("two structs bpf_spin_lock"),
              std::string::npos);
    EXPECT_NE(tests::reason_of(object_, "uses_arrayed").find("inside an array"), std::string::npos);
    EXPECT_NE(tests::reason_of(object_, "uses_misplaced").find("type lru_hash"), std::string::npos);
}

TEST_P(MapFields, GiveSizesThatAreLeftOpen) {
    EXPECT_EQ(map("events").entries_max, kAssumedRingbufBytes);
    EXPECT_TRUE(tests::has_notice(object_, "map \"events\": max_entries is 0, assuming 65536"));
    EXPECT_EQ(map("seen").extra, 3u);
    const std::string path = "loader/map_fields." + GetParam() + ".o";
    const std::string refused = tests::error_of(path, {});
    EXPECT_NE(refused.find("max_entries is 0: set it in the source or with"), std::string::npos);
    EXPECT_NE(tests::error_of(path, {.map_entries_max = {{"anonymous", 5}, {"events", 4096}}})
                  .find("map \"anonymous.inner\": max_entries is 0"),
              std::string::npos);
}

TEST_P(MapFields, RefuseForeignKindsByName) {
    EXPECT_NE(tests::reason_of(object_, "uses_foreign")
                  .find("map \"foreign\": maps of type sockhash are not offered"),
              std::string::npos);
    EXPECT_EQ(object_.programs.size(), 5u);
}

struct ForeignKind {
    const char* name;
    const char* reason;
};

class ForeignMaps : public testing::TestWithParam<ForeignKind> {};

TEST_P(ForeignMaps, AreRefusedByMapKindAndReason) {
    static const ObjectSpec object = load("loader/foreign_maps.clang-14.v3.o", kOffline);
    const auto [name, reason] = GetParam();
    const std::string refusal = tests::reason_of(object, std::string("uses_") + name);
    EXPECT_NE(refusal.find(fmt::format("map \"a_{0}\": maps of type {0} are not offered: ", name)),
              std::string::npos)
        << refusal;
    EXPECT_NE(refusal.find(reason), std::string::npos) << refusal;
    EXPECT_TRUE(object.programs.empty());
}

constexpr auto kForeignKinds =
    std::to_array<ForeignKind>({{"stack_trace", "no stack to keep"},
                                {"cgroup_array", "no cgroups"},
                                {"sockmap", "no socket lives"},
                                {"sockhash", "no socket lives"},
                                {"cgroup_storage", "no cgroups"},
                                {"reuseport_sockarray", "no socket lives"},
                                {"percpu_cgroup_storage", "no cgroups"},
                                {"sk_storage", "no socket lives"},
                                {"struct_ops", "no operations of a kernel"},
                                {"inode_storage", "no files"},
                                {"task_storage", "no current task"},
                                {"cgrp_storage", "no cgroups"},
                                {"arena", "share no pages"},
                                {"insn_array", "jumps through tables"}});

INSTANTIATE_TEST_SUITE_P(Kinds, ForeignMaps, testing::ValuesIn(kForeignKinds),
                         [](const auto& kind) { return kind.param.name; });

TEST(Xskmaps, AreNoticed) {
    EXPECT_TRUE(tests::has_notice(load("maps/xskmap.clang-14.v3.o", kOffline),
                                  "there are no AF_XDP sockets"));
}

INSTANTIATE_TEST_SUITE_P(Compilers, MapFields, testing::Values("clang-14.v3", "clang-19.v4"),
                         [](const auto& level) { return level.param.substr(6, 2); });

TEST(LegacyMaps, FollowIproute2) {
    const ObjectSpec object = load("loader/elf_maps.clang-14.v3.o");
    const MapSpec* jumps = map_named(object.maps, "jumps");
    ASSERT_NE(jumps, nullptr);
    ASSERT_EQ(jumps->slots.size(), 2u);
    EXPECT_EQ(jumps->slots[0].index, 3u);
    EXPECT_EQ(jumps->slots[0].target, "third");
    EXPECT_EQ(jumps->slots[1].target, "fifteenth");
    EXPECT_TRUE(tests::has_notice(object, "slot 99 stays empty: the map has 16"));
    const MapSpec* outer = map_named(object.maps, "outer");
    ASSERT_NE(outer, nullptr);
    ASSERT_TRUE(outer->inner);
    EXPECT_EQ(outer->inner->value_bytes, 8u);
    ASSERT_EQ(outer->slots.size(), 1u);
    EXPECT_EQ(outer->slots[0].index, 3u);
    EXPECT_EQ(outer->slots[0].target, "inner");
}

TEST(LegacyMaps, FollowTheKernelsSamples) {
    const ObjectSpec object = load("loader/sample_maps.clang-14.v3.o");
    const MapSpec* outer = map_named(object.maps, "c_outer");
    ASSERT_NE(outer, nullptr);
    ASSERT_TRUE(outer->inner);
    EXPECT_EQ(outer->inner->type, MapType::Hash);
    EXPECT_EQ(outer->inner->entries_max, 32u);
    const MapSpec* plain = map_named(object.maps, "b_plain");
    ASSERT_TRUE(plain->value_type);
    EXPECT_EQ(plain->value_type->name, "counted");
    EXPECT_EQ(plain->flags, kMapNoPrealloc);
}

/// An object with one program and one section of definitions, each of `words`.
Result<ObjectSpec> with_definitions(const std::string& section,
                                    const std::vector<std::vector<uint32_t>>& definitions) {
    tests::ObjectBuilder builder;
    const uint32_t code = builder.add_code("xdp", tests::pass());
    builder.add_symbol("entry", code, 0, 16, STT_FUNC, STB_GLOBAL);
    std::vector<uint32_t> words;
    for (const auto& definition : definitions)
        words.insert(words.end(), definition.begin(), definition.end());
    const uint32_t maps = builder.add_words(section, words);
    uint64_t at = 0;
    for (size_t i = 0; i < definitions.size(); ++i) {
        builder.add_symbol("map" + std::to_string(i), maps, at, 0, STT_OBJECT, STB_GLOBAL);
        at += definitions[i].size() * 4;
    }
    return load_object(builder.build(), {});
}

TEST(LegacyMaps, TellLayoutsApartByTheirSize) {
    const auto four = with_definitions("maps", {{1, 4, 8, 16}, {2, 4, 8, 3}});
    ASSERT_TRUE(four) << four.error().message;
    EXPECT_EQ(four->maps[1].type, MapType::Array);
    EXPECT_EQ(four->maps[1].flags, 0u);
    const auto six = with_definitions("maps", {{1, 4, 8, 16, 1, 0}, {12, 4, 4, 3, 0, 0}});
    ASSERT_TRUE(six) << six.error().message;
    EXPECT_EQ(six->maps[0].flags, 1u);
    ASSERT_TRUE(six->maps[1].inner);
    EXPECT_EQ(six->maps[1].inner->type, MapType::Hash);
    const auto named = with_definitions("maps/flows", {{1, 4, 8, 16, 0}});
    ASSERT_TRUE(named) << named.error().message;
    EXPECT_EQ(named->maps[0].entries_max, 16u);
}

TEST(LegacyMaps, RefuseDefinitionsThatMakeNoSense) {
    const auto error = [](const std::vector<std::vector<uint32_t>>& definitions) {
        const auto object = with_definitions("maps", definitions);
        return object ? std::string() : object.error().message;
    };
    EXPECT_NE(error({{1, 4, 8}}).find("12 bytes, struct bpf_map_def has 20"), std::string::npos);
    EXPECT_NE(error({{1, 4, 8, 16, 0, 0, 0, 0, 0, 7}}).find("byte 36 is not 0"), std::string::npos);
    EXPECT_NE(error({{1, 4, 8, 16, 0, 0}, {12, 4, 4, 3, 0, 2}}).find("inner_map_idx 2 of 2 maps"),
              std::string::npos);
    EXPECT_NE(error({{12, 4, 4, 3, 0, 0}}).find("has inner maps"), std::string::npos);
}

}  // namespace
}  // namespace weir::vm
