// The loader on real objects: every program of the corpus, by every compiler, and what each of them
// must hold.
#include "vm/elf/elf.h"

#include <gtest/gtest.h>

#include "tests/support/corpus_objects.h"
#include "tests/unit/vm/elf/loaded_object.h"
#include "vm/base/limits.h"
#include "vm/isa/insn.h"

namespace weir::vm {
namespace {

const std::string kCorpus = WEIR_CORPUS_DIR;

using tests::error_of;
using tests::load;
using tests::map_named;
using tests::program_named;

uint32_t word_at(const Bytes& bytes, size_t offset) {
    uint32_t word = 0;
    if (offset + 4 <= bytes.size()) std::memcpy(&word, bytes.data() + offset, 4);
    return word;
}

/// What linking promises of every program.
void check_linked(const ProgramSpec& program) {
    const auto slots = decode_program(program.insns);
    ASSERT_TRUE(slots) << slots.error().message;
    for (const DecodedSlot& slot : *slots) {
        if (slot.second_slot) continue;
        const bool is_map = slot.insn.op == Op::kLoadMap || slot.insn.op == Op::kLoadMapValue;
        if (!is_map) continue;
        ASSERT_LT(static_cast<size_t>(slot.insn.imm), program.maps.size());
        const MapSpec& map = program.maps[static_cast<size_t>(slot.insn.imm)];
        EXPECT_EQ(map.is_global_data, slot.insn.op == Op::kLoadMapValue);
        if (map.is_global_data) {
            EXPECT_LT(static_cast<uint32_t>(slot.insn.next_imm), map.value_bytes);
        }
    }
    ASSERT_FALSE(program.subprograms.empty());
    EXPECT_EQ(program.subprograms.front().name, program.name);
    EXPECT_TRUE(std::ranges::is_sorted(program.subprograms, {}, &Subprogram::insn));
    EXPECT_TRUE(std::ranges::is_sorted(program.lines, {}, &LineInfo::insn));
    ASSERT_FALSE(program.lines.empty());
    EXPECT_EQ(program.lines.front().insn, 0u);
}

TEST(LoadObject, LoadsEveryObjectOfTheCorpus) {
    const auto objects = weir::tests::corpus_objects(kCorpus);
    ASSERT_GE(objects.size(), 240u);
    for (const auto& object : objects) {
        SCOPED_TRACE(object.path);
        const auto loaded = load_object_file(object.path, {});
        ASSERT_TRUE(loaded) << loaded.error().message;
        EXPECT_EQ(loaded->license, "Dual BSD/GPL");
        EXPECT_FALSE(loaded->programs.empty());
        for (const ProgramSpec& program : loaded->programs) check_linked(program);
    }
}

TEST(LoadObject, LoadsTheUnsafeProgramsToo) {
    for (const auto& object : weir::tests::corpus_objects(kCorpus + "/unsafe")) {
        SCOPED_TRACE(object.path);
        const auto loaded = load_object_file(object.path, {});
        ASSERT_TRUE(loaded) << loaded.error().message;
        ASSERT_EQ(loaded->programs.size(), 1u);
        EXPECT_EQ(loaded->programs.front().name, "unsafe");
    }
}

TEST(LoadObject, ListsProgramsOfOneSectionInOrder) {
    const ObjectSpec object = load("constant.clang-14.v3.o");
    ASSERT_EQ(object.programs.size(), 6u);
    EXPECT_EQ(object.programs[0].name, "drop_all");
    EXPECT_EQ(object.programs[0].insns.front(), (Insn{.opcode = 0xb4, .imm = 1}));
    EXPECT_FALSE(object.programs[0].has_frags);
    EXPECT_TRUE(program_named(object, "with_frags")->has_frags);
    EXPECT_TRUE(object.maps.empty());
}

TEST(LoadObject, SortsProgramTypesBySection) {
    const ObjectSpec object = load("many_sections.clang-19.v3.o");
    EXPECT_EQ(object.programs.size(), 5u);
    ASSERT_NE(program_named(object, "optional"), nullptr);
    EXPECT_FALSE(program_named(object, "optional")->load_by_default);
    ASSERT_NE(program_named(object, "tap"), nullptr);
    EXPECT_EQ(program_named(object, "tap")->type, ProgramType::SocketFilter);
    ASSERT_NE(program_named(object, "scrub"), nullptr);
    ASSERT_EQ(object.notices.size(), 1u);
    EXPECT_NE(object.notices.front().find("scrubber"), std::string::npos);
    ASSERT_EQ(object.unsupported.size(), 3u);
    for (const UnsupportedProgram& program : object.unsupported) {
        EXPECT_FALSE(program.reason.empty());
        EXPECT_GT(program.insn_count, 0u);
        EXPECT_EQ(program.type, program.name == "probe" ? "kprobe" : "tc");
    }
}

TEST(LoadObject, TakesTheTypeThatTheCallerSays) {
    const ObjectSpec xdp = load("many_sections.clang-19.v3.o", {.type = ProgramType::Xdp});
    EXPECT_EQ(xdp.programs.size(), 8u);
    EXPECT_TRUE(xdp.unsupported.empty());
    const ObjectSpec socket =
        load("many_sections.clang-19.v3.o", {.type = ProgramType::SocketFilter});
    EXPECT_EQ(socket.programs.size(), 8u);
    for (const ProgramSpec& program : socket.programs)
        EXPECT_EQ(program.type, ProgramType::SocketFilter);
}

TEST(LoadObject, LinksWhatAProgramCalls) {
    for (const char* level : {"clang-14.v1", "clang-19.v4"}) {
        const ObjectSpec object = load(std::string("global_functions.") + level + ".o");
        ASSERT_EQ(object.programs.size(), 2u);
        for (const ProgramSpec& program : object.programs) {
            ASSERT_EQ(program.subprograms.size(), 3u) << level;
            EXPECT_EQ(program.subprograms[0].name, program.name);
            EXPECT_NE(program.subprograms[1].name, program.subprograms[2].name);
        }
        EXPECT_EQ(program_named(object, "heavy")->section, "xdp/heavy");
    }
}

TEST(LoadObject, LinksCallsIntoOtherProgramsSections) {
    const ObjectSpec object = load("many_sections.clang-14.v3.o");
    const ProgramSpec* second = program_named(object, "second");
    ASSERT_NE(second, nullptr);
    ASSERT_EQ(second->subprograms.size(), 3u);
    EXPECT_NE(std::ranges::find(second->subprograms, "first", &Subprogram::name),
              second->subprograms.end());
}

TEST(LoadObject, ReadsMapsWithTheirTypes) {
    const ObjectSpec object = load("flow_hash.clang-14.v2.o");
    const MapSpec* flows = map_named(object.maps, "flows");
    ASSERT_NE(flows, nullptr);
    EXPECT_EQ(flows->type, MapType::Hash);
    EXPECT_EQ(flows->key_bytes, 16u);
    EXPECT_EQ(flows->value_bytes, 16u);
    EXPECT_EQ(flows->entries_max, 128u);
    ASSERT_TRUE(flows->key_type);
    EXPECT_EQ(flows->key_type->kind, TypeKind::Struct);
    EXPECT_EQ(flows->key_type->name, "flow");
    ASSERT_EQ(flows->key_type->members.size(), 6u);
    EXPECT_EQ(flows->key_type->members[0].name, "source");
    EXPECT_EQ(flows->key_type->members[0].type->name, "__be32");
    EXPECT_EQ(flows->key_type->members[4].bit_offset, 96u);
    EXPECT_EQ(flows->key_type->members[5].type->kind, TypeKind::Array);
    EXPECT_EQ(flows->key_type->members[5].type->element_count, 3u);
}

TEST(LoadObject, GivesEachProgramOnlyItsMaps) {
    const ObjectSpec object = load("blocklist_lpm.clang-19.v3.o");
    ASSERT_EQ(object.programs.size(), 1u);
    EXPECT_EQ(object.programs.front().maps.size(), 3u);
    const MapSpec* prefixes = map_named(object.maps, "prefixes6");
    ASSERT_NE(prefixes, nullptr);
    EXPECT_EQ(prefixes->type, MapType::LpmTrie);
    EXPECT_EQ(prefixes->flags, kMapNoPrealloc);
    EXPECT_EQ(prefixes->key_bytes, 20u);
}

TEST(LoadObject, ReadsLegacyMaps) {
    const ObjectSpec object = load("legacy_maps.clang-14.v3.o");
    ASSERT_EQ(object.maps.size(), 2u);
    const MapSpec* seen = map_named(object.maps, "seen");
    ASSERT_NE(seen, nullptr);
    EXPECT_EQ(seen->type, MapType::Hash);
    EXPECT_EQ(seen->key_bytes, 6u);
    EXPECT_EQ(seen->entries_max, 32u);
}

TEST(LoadObject, MakesMapsOfGlobalData) {
    const ObjectSpec object = load("globals.clang-14.v3.o");
    const MapSpec* rodata = map_named(object.maps, ".rodata");
    ASSERT_NE(rodata, nullptr);
    EXPECT_TRUE(rodata->frozen);
    EXPECT_EQ(rodata->flags, kMapRdonlyProg);
    EXPECT_EQ(rodata->entries_max, 1u);
    const MapSpec* tuning = map_named(object.maps, ".data.tuning");
    ASSERT_NE(tuning, nullptr);
    EXPECT_EQ(word_at(tuning->contents, 0), 7u);
    EXPECT_FALSE(tuning->frozen);
    const MapSpec* bss = map_named(object.maps, ".bss");
    ASSERT_NE(bss, nullptr);
    EXPECT_TRUE(bss->contents.empty());
    ASSERT_TRUE(bss->value_type);
    EXPECT_NE(std::ranges::find(bss->value_type->members, "histogram", &TypeMember::name),
              bss->value_type->members.end());
}

TEST(LoadObject, SetsGlobalsByName) {
    const LoadOptions options{.globals = {{"sample_every", "17"},
                                          {"drop_arp", "false"},
                                          {"balance", "-300"},
                                          {"seen", "0xffffffffffffffff"},
                                          {"turns", "2"}}};
    const ObjectSpec object = load("globals.clang-19.v3.o", options);
    const auto value = [&](std::string_view section, std::string_view name) {
        return tests::value_of(object, section, name);
    };
    EXPECT_EQ(value(".rodata", "sample_every"), 17);
    EXPECT_EQ(value(".rodata", "drop_arp"), 0);
    EXPECT_EQ(static_cast<int32_t>(value(".data", "balance")), -300);
    EXPECT_EQ(value(".data", "seen"), -1);
    EXPECT_EQ(value(".bss", "turns"), 2);
}

TEST(LoadObject, RefusesGlobalsThatDoNotFit) {
    const std::string object = "globals.clang-14.v3.o";
    EXPECT_NE(error_of(object, {.globals = {{"sample_every", "4294967296"}}}).find("does not fit"),
              std::string::npos);
    EXPECT_NE(error_of(object, {.globals = {{"sample_every", "-1"}}}).find("does not fit"),
              std::string::npos);
    EXPECT_NE(error_of(object, {.globals = {{"balance", "2147483648"}}}).find("does not fit"),
              std::string::npos);
    EXPECT_NE(error_of(object, {.globals = {{"drop_arp", "maybe"}}}).find("no bool"),
              std::string::npos);
    EXPECT_NE(error_of(object, {.globals = {{"sizes", "1"}}}).find("cannot be set"),
              std::string::npos);
    EXPECT_NE(error_of(object, {.globals = {{"nothing", "1"}}}).find("no such variable"),
              std::string::npos);
    EXPECT_NE(error_of(object, {.globals = {{"seen", "12x"}}}).find("no number"),
              std::string::npos);
}

TEST(LoadObject, SetsMapSizes) {
    const ObjectSpec object = load("flow_hash.clang-14.v3.o", {.map_entries_max = {{"flows", 9}}});
    EXPECT_EQ(map_named(object.programs.front().maps, "flows")->entries_max, 9u);
    EXPECT_NE(
        error_of("flow_hash.clang-14.v3.o", {.map_entries_max = {{"flow", 9}}}).find("no such map"),
        std::string::npos);
}

TEST(LoadObject, TellsSourceLines) {
    const ObjectSpec object = load("subprograms.clang-14.v3.o");
    const ProgramSpec& program = object.programs.front();
    EXPECT_GT(program.subprograms.size(), 1u);
    const auto line = std::ranges::find_if(program.lines, [](const LineInfo& info) {
        return info.text.find("spill") != std::string::npos;
    });
    ASSERT_NE(line, program.lines.end());
    EXPECT_NE(line->file.find("subprograms.bpf.c"), std::string::npos);
    EXPECT_GE(line->insn, program.subprograms[1].insn);
}

TEST(LoadObject, ListsWhatNeedsAKernel) {
    const ObjectSpec object = load("loader/unresolved.clang-14.v3.o");
    ASSERT_EQ(object.programs.size(), 2u);
    EXPECT_NE(program_named(object, "fixed_layout"), nullptr);
    // The target has no "struct task": refused only where the program gets there.
    EXPECT_NE(program_named(object, "needs_core"), nullptr);
    ASSERT_EQ(object.notices.size(), 1u);
    EXPECT_NE(object.notices.front().find("the target has no byte_off struct task"),
              std::string::npos)
        << object.notices.front();
    EXPECT_NE(
        tests::reason_of(object, "needs_function").find("kfunc kernel_function is not offered"),
        std::string::npos);
    EXPECT_NE(tests::reason_of(object, "needs_variable").find("kernel_variable"),
              std::string::npos);
}

TEST(LoadObject, ParsesMapKindsThatAreNotOfferedYet) {
    const std::string path = "loader/map_kinds.clang-14.v3.o";
    EXPECT_NE(error_of(path, {}).find("map \"recent\": max_entries is 0"), std::string::npos);
    const ObjectSpec object = load(path, {.assume_entries_max = 64});
    EXPECT_EQ(map_named(object.maps, "recent")->entries_max, 64u);
    EXPECT_EQ(map_named(object.maps, "recent")->value_bytes, 24u);
    EXPECT_EQ(map_named(object.maps, "jumps")->type, MapType::ProgArray);
    EXPECT_EQ(map_named(object.maps, "jumps")->value_bytes, 4u);
    EXPECT_EQ(map_named(object.maps, "events")->key_bytes, 0u);
    EXPECT_EQ(map_named(object.maps, "samples")->entries_max, kWorkersMax);
    EXPECT_EQ(program_named(object, "target")->maps.size(), 0u);
    EXPECT_EQ(program_named(object, "jumper")->maps.size(), 2u);
    ASSERT_EQ(object.notices.size(), 2u);
    EXPECT_NE(object.notices[0].find("not relocated"), std::string::npos);
}

TEST(LoadObject, TakesTheOnlyFunctionOfTextForAProgram) {
    const ObjectSpec object = load("loader/text_only.clang-14.v3.o");
    ASSERT_EQ(object.programs.size(), 1u);
    EXPECT_EQ(object.programs.front().name, "lonely");
    EXPECT_EQ(object.notices.size(), 1u);
}

TEST(LoadObject, BoundsWhatProgramsHaveForThemselves) {
    EXPECT_NE(error_of("loader/shared_table.clang-14.v3.o", {})
                  .find("use maps with more than 48 MiB of first contents in all, each its own"),
              std::string::npos);
}

TEST(LoadObject, NamesTheFileInErrors) {
    const auto missing = load_object_file(kCorpus + "/none.o", {});
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find("none.o: cannot open: No such file"), std::string::npos);
}

}  // namespace
}  // namespace weir::vm
