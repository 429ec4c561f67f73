#include <gtest/gtest.h>

#include "vm/base/limits.h"
#include "vm/program/spec.h"

namespace weir::vm {
namespace {

TypeRef make(TypeInfo type) {
    return std::make_shared<const TypeInfo>(std::move(type));
}

MapSpec sample_map() {
    const TypeRef u32 = make({.kind = TypeKind::Int, .name = "__u32", .size_bytes = 4});
    const TypeRef state = make({.kind = TypeKind::Enum,
                                .name = "state",
                                .size_bytes = 4,
                                .values = {{"NEW", -1}, {"OLD", 7}}});
    const TypeRef octets =
        make({.kind = TypeKind::Array, .size_bytes = 8, .element_count = 2, .element = u32});
    MapSpec map{.name = "flows",
                .type = MapType::Hash,
                .key_bytes = 4,
                .value_bytes = 12,
                .entries_max = 100,
                .flags = kMapNoPrealloc,
                .frozen = true,
                .contents = Bytes(12, 9)};
    map.key_type = u32;
    map.value_type =
        make({.kind = TypeKind::Struct,
              .name = "flow",
              .size_bytes = 12,
              .members = {{.name = "octets", .type = octets},
                          {.name = "state", .bit_offset = 64, .bit_size = 3, .type = state}}});
    return map;
}

MapSpec sample_map_in_map() {
    MapSpec map{.name = "tables",
                .type = MapType::ArrayOfMaps,
                .key_bytes = 4,
                .value_bytes = 4,
                .entries_max = 8,
                .extra = 3};
    MapSpec inner = sample_map();
    inner.value_bytes = 24;
    inner.contents.clear();
    inner.spin_lock_offset = 20;
    inner.timer_offset = 0;
    map.inner = std::make_shared<const MapSpec>(inner);
    map.slots = {{1, "first"}, {5, "second"}};
    return map;
}

ProgramSpec sample_program() {
    return {
        .name = "filter",
        .section = "xdp.frags",
        .type = ProgramType::Xdp,
        .hook = XdpHook::Devmap,
        .has_frags = true,
        .load_by_default = false,
        .insns = {{.opcode = 0xb7}, {.opcode = 0x95}, {.opcode = 0x95}},
        .subprograms = {{"filter", 0},
                        {"sub", 2,
                         Contract{{{ArgumentKind::Memory, 24}, {ArgumentKind::Number, 0}}, true}}},
        .lines = {{.insn = 0, .line = 3, .file = "a.c", .text = "return 0;"}},
        .maps = {sample_map(), sample_map_in_map()}};
}

Bytes written(const ProgramSpec& program) {
    ByteWriter writer;
    write_program_spec(writer, program);
    return writer.take();
}

Result<ProgramSpec> read(const Bytes& bytes) {
    ByteReader reader(bytes);
    return read_program_spec(reader);
}

std::string error_of(const ProgramSpec& program) {
    const Result<ProgramSpec> result = read(written(program));
    return result ? "" : result.error().message;
}

TEST(SpecCodec, GivesBackEveryField) {
    const Bytes bytes = written(sample_program());
    ByteReader reader(bytes);
    const Result<ProgramSpec> again = read_program_spec(reader);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(reader.finished());
    EXPECT_EQ(written(*again), bytes);
    EXPECT_EQ(again->insns, sample_program().insns);
    EXPECT_EQ(again->subprograms[1].name, "sub");
    EXPECT_FALSE(again->subprograms[0].contract);
    EXPECT_EQ(again->subprograms[1].contract, sample_program().subprograms[1].contract);
    EXPECT_EQ(again->lines[0].text, "return 0;");
    const MapSpec& map = again->maps[0];
    EXPECT_TRUE(map.same_definition(sample_map()));
    EXPECT_TRUE(map.frozen);
    EXPECT_EQ(map.contents, Bytes(12, 9));
    ASSERT_TRUE(map.value_type);
    EXPECT_EQ(map.value_type->members[0].type->element->name, "__u32");
    EXPECT_EQ(map.value_type->members[1].bit_size, 3u);
    EXPECT_EQ(map.value_type->members[1].type->values[0],
              (std::pair<std::string, int64_t>{"NEW", -1}));
}

TEST(SpecCodec, GivesBackInnerMapsSlotsAndOffsets) {
    const Result<ProgramSpec> again = read(written(sample_program()));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->hook, XdpHook::Devmap);
    EXPECT_FALSE(again->load_by_default);
    EXPECT_EQ(again->maps[0].spin_lock_offset, kNoOffset);
    const MapSpec& map = again->maps[1];
    EXPECT_TRUE(map.same_definition(sample_map_in_map()));
    EXPECT_EQ(map.extra, 3u);
    ASSERT_EQ(map.slots.size(), 2u);
    EXPECT_EQ(map.slots[1].index, 5u);
    EXPECT_EQ(map.slots[1].target, "second");
    ASSERT_TRUE(map.inner);
    EXPECT_EQ(map.inner->spin_lock_offset, 20u);
    EXPECT_EQ(map.inner->timer_offset, 0u);
    MapSpec other = map;
    other.inner = nullptr;
    EXPECT_FALSE(other.same_definition(map));
    EXPECT_FALSE(map.same_definition(other));
}

TEST(SpecCodec, RefusesInnerMapsSlotsAndOffsetsThatCannotBe) {
    const auto error_with = [](auto change) {
        ProgramSpec program = sample_program();
        change(program.maps[1]);
        return error_of(program);
    };
    EXPECT_NE(error_with([](MapSpec& map) { map.slots[1].index = 1; }).find("slot.index at offset"),
              std::string::npos);
    EXPECT_NE(error_with([](MapSpec& map) {
                  map.spin_lock_offset = 1;
              }).find("1 is outside a value of 4 bytes"),
              std::string::npos);
    EXPECT_NE(
        error_with([](MapSpec& map) { map.timer_offset = UINT32_MAX - 1; }).find("timer_offset"),
        std::string::npos);
    EXPECT_NE(error_with([](MapSpec& map) {
                  map.inner = std::make_shared<const MapSpec>(sample_map_in_map());
              }).find("an inner map has an inner map"),
              std::string::npos);
}

TEST(SpecCodec, RefusesEveryPrefixOfASpec) {
    const Bytes bytes = written(sample_program());
    for (size_t length = 0; length < bytes.size(); ++length) {
        const Result<ProgramSpec> result =
            read(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(length)));
        ASSERT_FALSE(result) << length;
        EXPECT_TRUE(result.error().message.starts_with("program spec: ")) << result.error().message;
    }
}

TEST(SpecCodec, NamesFieldAndOffsetOfWhatIsWrong) {
    ProgramSpec program = sample_program();
    program.maps[0].key_bytes = 513;
    EXPECT_NE(error_of(program).find("field key_bytes at offset "), std::string::npos)
        << error_of(program);
    EXPECT_NE(error_of(program).find("513 is above the limit of 512"), std::string::npos);
    program = sample_program();
    program.maps[0].contents.resize(11);
    EXPECT_NE(error_of(program).find("11 bytes, expected 0 or value_bytes (12)"),
              std::string::npos);
    program = sample_program();
    program.type = static_cast<ProgramType>(3);
    EXPECT_EQ(error_of(program),
              "program spec: field type at offset 27: 3, expected 1 (socket) or 6 (xdp)");
    program = sample_program();
    program.subprograms[1].insn = 3;
    EXPECT_NE(error_of(program).find("subprogram.insn"), std::string::npos);
    program = sample_program();
    program.subprograms.clear();
    EXPECT_NE(error_of(program).find("expected at least the program itself"), std::string::npos);
    program = sample_program();
    program.lines.push_back({.insn = 3});
    EXPECT_NE(error_of(program).find("line.insn"), std::string::npos);
    program = sample_program();
    program.maps.resize(kMapsPerProgramMax + 1, sample_map());
    EXPECT_NE(error_of(program).find("field maps"), std::string::npos);
    program = sample_program();
    program.name = std::string(kNameBytesMax + 1, 'x');
    EXPECT_EQ(error_of(program),
              "program spec: field name at offset 0: 129 is above the limit of 128");
}

TEST(SpecCodec, TakesLargeValuesOfGlobalDataOnly) {
    ProgramSpec program = sample_program();
    MapSpec& data = program.maps[0];
    data.type = MapType::Array;
    data.is_global_data = true;
    data.entries_max = 1;
    data.value_bytes = kGlobalDataBytesMax;
    data.contents.assign(kGlobalDataBytesMax, 3);
    const auto again = read(written(program));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->maps[0].contents, data.contents);
    data.contents.clear();
    data.value_bytes = kGlobalDataBytesMax + 1;
    EXPECT_NE(error_of(program).find("33554433 is above the limit of 33554432"), std::string::npos);
    data.value_bytes = kMapValueBytesMax + 1;
    data.entries_max = 2;
    EXPECT_NE(error_of(program).find("1048577 is above the limit of 1048576"), std::string::npos);
    data.entries_max = 1;
    data.is_global_data = false;
    EXPECT_NE(error_of(program).find("1048577 is above the limit of 1048576"), std::string::npos);
}

TEST(SpecCodec, RefusesACountThatCannotFitBeforeTakingMemory) {
    Bytes bytes = written(sample_program());
    const size_t insn_count = 4 + 6 + 4 + 9 + 4 + 3;
    bytes[insn_count] = 0xff;
    bytes[insn_count + 1] = 0xff;
    const Result<ProgramSpec> result = read(bytes);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("field insns at offset 30: 65535 elements do not fit"),
              std::string::npos)
        << result.error().message;
}

TEST(SpecCodec, CutsTypeTreesThatAreTooDeepOrTooLarge) {
    TypeRef deep = make({.kind = TypeKind::Int, .name = "leaf", .size_bytes = 1});
    for (int i = 0; i < 40; ++i)
        deep = make({.kind = TypeKind::Struct,
                     .size_bytes = 1,
                     .members = {{.name = "a", .type = deep}, {.name = "b", .type = deep}}});
    ProgramSpec program = sample_program();
    program.maps[0].value_type = deep;
    const Bytes bytes = written(program);
    EXPECT_LT(bytes.size(), 300'000u) << "shared subtrees are written out, but not without bound";
    const Result<ProgramSpec> again = read(bytes);
    ASSERT_TRUE(again) << again.error().message;
    const TypeInfo* type = again->maps[0].value_type.get();
    uint32_t depth = 1;
    for (; type->kind == TypeKind::Struct; ++depth) type = type->members[0].type.get();
    EXPECT_EQ(type->kind, TypeKind::Opaque);
    EXPECT_LE(depth, kTypeDepthMax);
}

}  // namespace
}  // namespace weir::vm
