#include "vm/elf/linker.h"

#include <gtest/gtest.h>

#include "tests/unit/vm/elf/object_builder.h"
#include "vm/elf/elf.h"

namespace weir::vm {
namespace {

using tests::ObjectBuilder;
using tests::pass;

constexpr uint32_t kLoad = 1, kCall = 10;  // R_BPF_64_64, R_BPF_64_32
constexpr Insn kExit{.opcode = 0x95};

std::vector<Insn> call_and_exit(int32_t imm, bool is_kfunc = false) {
    Insn call{.opcode = 0x85, .src = 1, .imm = imm};
    if (is_kfunc) call.src = 2;
    return {call, kExit};
}

/// Section "xdp" with one program, "entry", that is section 1.
ObjectBuilder program(const std::vector<Insn>& insns) {
    ObjectBuilder builder;
    const uint32_t code = builder.add_code("xdp", insns);
    builder.add_symbol("entry", code, 0, insns.size() * 8, STT_FUNC, STB_GLOBAL);
    return builder;
}

std::string refusal(ObjectBuilder& builder) {
    const auto object = load_object(builder.build(), {});
    if (!object) return object.error().message;
    return object->unsupported.empty() ? "" : object->unsupported.front().reason;
}

TEST(Linker, FollowsCallsThroughTheSectionsSymbol) {
    ObjectBuilder builder = program(call_and_exit(1));  // the addend: slot 2 of .text, less one
    std::vector<Insn> text = pass();
    text.insert(text.end(), {{.opcode = 0xb7, .imm = 7}, kExit});
    const uint32_t section = builder.add_code(".text", text);
    builder.add_symbol("first", section, 0, 16, STT_FUNC, STB_LOCAL);
    builder.add_symbol("second", section, 16, 16, STT_FUNC, STB_LOCAL);
    const uint32_t symbol = builder.add_symbol("", section, 0, 0, STT_SECTION, STB_LOCAL);
    builder.add_relocation(1, 0, symbol, kCall);
    const auto object = load_object(builder.build(), {});
    ASSERT_TRUE(object) << object.error().message;
    const ProgramSpec& entry = object->programs.front();
    ASSERT_EQ(entry.subprograms.size(), 2u);
    EXPECT_EQ(entry.subprograms[1].name, "second");
    EXPECT_EQ(entry.insns[0].imm, 1);
    EXPECT_EQ(entry.insns[2].imm, 7);
}

TEST(Linker, LoadsAddressesOfFunctions) {
    ObjectBuilder builder = program({{.opcode = 0x18, .dst = 2}, {}, kExit});
    const uint32_t section = builder.add_code("elsewhere", pass());
    const uint32_t symbol = builder.add_symbol("callback", section, 0, 16, STT_FUNC, STB_GLOBAL);
    builder.add_relocation(1, 0, symbol, kLoad);
    const auto object = load_object(builder.build(), {});
    ASSERT_TRUE(object) << object.error().message;
    const Insn& load = object->programs.front().insns[0];
    EXPECT_EQ(load.src, 4);
    EXPECT_EQ(load.imm, 2) << "from the slot after it to slot 3";
}

TEST(Linker, LoadsNothingOfWhatIsWeakAndMissing) {
    ObjectBuilder builder = program({{.opcode = 0x18, .dst = 2, .src = 1, .imm = 9}, {}, kExit});
    const uint32_t symbol = builder.add_symbol("no_such", SHN_UNDEF, 0, 0, STT_NOTYPE, STB_WEAK);
    builder.add_relocation(1, 0, symbol, kLoad);
    const auto object = load_object(builder.build(), {});
    ASSERT_TRUE(object) << object.error().message;
    ASSERT_EQ(object->programs.size(), 1u);
    const Insn& load = object->programs.front().insns[0];
    EXPECT_EQ(load, (Insn{.opcode = 0x18, .dst = 2})) << "a plain 0, no map";
}

TEST(Linker, CountsAddressesInDataThatStayAsTheyAre) {
    ObjectBuilder plain = program(pass());
    const uint32_t data = plain.add_words(".data", {0, 0, 0, 0});
    for (const uint64_t at : {0, 8}) plain.add_relocation(data, at, 1, kLoad);
    const auto object = load_object(plain.build(), {});
    ASSERT_TRUE(object) << object.error().message;
    ASSERT_EQ(object->notices.size(), 1u);
    EXPECT_NE(object->notices[0].find("\".data\": 2 addresses"), std::string::npos);
    ObjectBuilder with_addends = program(pass());
    with_addends.add_words(".data", {0, 0, 0, 0});
    with_addends.add_relocations_with_addends(
        data, {{0, ELF64_R_INFO(1, kLoad), 0}, {8, ELF64_R_INFO(1, kLoad), 4}});
    const auto same = load_object(with_addends.build(), {});
    ASSERT_TRUE(same) << same.error().message;
    EXPECT_EQ(same->notices, object->notices);
}

TEST(Linker, TakesLargeGlobalData) {
    constexpr size_t kMebibyte = 1u << 20;
    ObjectBuilder builder = program({{.opcode = 0x18, .dst = 2, .imm = 16'000'000}, {}, kExit});
    std::vector<uint32_t> words(27 * kMebibyte / 4);
    words[4'000'000] = 77;
    const uint32_t data = builder.add_words(".data", words);
    builder.add_relocation(1, 0, builder.add_symbol("", data, 0, 0, STT_SECTION, STB_LOCAL), kLoad);
    const auto object = load_object(builder.build(), {});
    ASSERT_TRUE(object) << object.error().message;
    ASSERT_EQ(object->programs.size(), 1u);
    const ProgramSpec& entry = object->programs.front();
    EXPECT_EQ(entry.insns[1].imm, 16'000'000);
    ASSERT_EQ(entry.maps.size(), 1u);
    EXPECT_EQ(entry.maps[0].value_bytes, 27 * kMebibyte);
    EXPECT_EQ(entry.maps[0].contents[16'000'000], 77);
    ObjectBuilder larger = program(pass());
    larger.add_words(".data", words);
    larger.add_words(".data.more", std::vector<uint32_t>(6 * kMebibyte / 4));
    EXPECT_EQ(refusal(larger),
              "section \".data.more\": 6291456 bytes after 28311552 of other sections, global data "
              "has at most 33554432 in all");
}

TEST(Linker, BoundsTheCopiesOfFirstContents) {
    constexpr size_t kMebibyte = 1u << 20;
    const std::vector<Insn> both = {{.opcode = 0x18, .dst = 2}, {}, kExit,
                                    {.opcode = 0x18, .dst = 2}, {}, kExit};
    ObjectBuilder builder;
    const uint32_t code = builder.add_code("xdp", both);
    builder.add_symbol("one", code, 0, 24, STT_FUNC, STB_GLOBAL);
    builder.add_symbol("two", code, 24, 24, STT_FUNC, STB_GLOBAL);
    const uint32_t data = builder.add_words(".data", std::vector<uint32_t>(20 * kMebibyte / 4));
    const uint32_t symbol = builder.add_symbol("", data, 0, 0, STT_SECTION, STB_LOCAL);
    builder.add_relocation(code, 0, symbol, kLoad);
    const auto object = load_object(ObjectBuilder(builder).build(), {});
    ASSERT_TRUE(object) << object.error().message;
    builder.add_relocation(code, 24, symbol, kLoad);
    EXPECT_EQ(refusal(builder),
              "program two and those before it use maps with more than 36 MiB of first contents "
              "in all, each its own");
}

TEST(Linker, RefusesReferencesThatLeadNowhere) {
    ObjectBuilder call = program(call_and_exit(5));
    EXPECT_NE(refusal(call).find("call to instruction 6"), std::string::npos);
    ObjectBuilder load = program({{.opcode = 0x18, .src = 1, .imm = 3}, {}, kExit});
    EXPECT_NE(refusal(load).find("no relocation"), std::string::npos);
    ObjectBuilder kfunc = program(call_and_exit(1234, true));
    EXPECT_NE(refusal(kfunc).find("BTF id 1234"), std::string::npos);
    ObjectBuilder odd = program(pass());
    const uint32_t data = odd.add_words(".comment", {0});
    odd.add_relocation(1, 0, odd.add_symbol("x", data, 0, 4, STT_OBJECT, STB_GLOBAL), kLoad);
    EXPECT_NE(refusal(odd).find("does not fit opcode 0xb7"), std::string::npos);
    ObjectBuilder stray = program({{.opcode = 0x18}, {}, kExit});
    const uint32_t other = stray.add_words(".comment", {0});
    stray.add_relocation(1, 0, stray.add_symbol("x", other, 0, 4, STT_OBJECT, STB_GLOBAL), kLoad);
    EXPECT_NE(refusal(stray).find("neither a map there nor global data"), std::string::npos);
}

TEST(Linker, KeepsMessagesToOneLine) {
    ObjectBuilder builder;
    const uint32_t code = builder.add_code("xdp", call_and_exit(-1));
    builder.add_symbol("a\nb\x1b[2J", code, 0, 16, STT_FUNC, STB_GLOBAL);
    const uint32_t symbol = builder.add_symbol("c\td", SHN_UNDEF, 0, 0, STT_NOTYPE, STB_GLOBAL);
    builder.add_relocation(code, 0, symbol, kCall);
    const std::string reason = refusal(builder);
    EXPECT_NE(reason.find("a?b?[2J"), std::string::npos) << reason;
    EXPECT_NE(reason.find("kfunc c?d is not offered"), std::string::npos) << reason;
}

TEST(Linker, KeepsNamesPrintable) {
    ObjectBuilder builder;
    const uint32_t code = builder.add_code("xdp/\x1b]0;", pass());
    builder.add_symbol(
        "a\x9b"
        "2J\u009b1m",
        code, 0, 16, STT_FUNC, STB_GLOBAL);
    const uint32_t probe = builder.add_code("kprobe/\x1b[2J", pass());
    builder.add_symbol("b\r", probe, 0, 16, STT_FUNC, STB_GLOBAL);
    const uint32_t maps = builder.add_words("maps", {1, 4, 8, 16, 0});
    builder.add_symbol("m\u202e", maps, 0, 20, STT_OBJECT, STB_GLOBAL);
    builder.add_words(".data.\x7f", {1});
    builder.add_words("license", {0x1b4c5047, '\n'});
    const auto object = load_object(builder.build(), {});
    ASSERT_TRUE(object) << object.error().message;
    EXPECT_EQ(object->license, "GPL??");
    ASSERT_EQ(object->programs.size(), 1u);
    EXPECT_EQ(object->programs[0].name, "a?2J??1m");
    EXPECT_EQ(object->programs[0].section, "xdp/?]0;");
    EXPECT_EQ(object->programs[0].subprograms[0].name, "a?2J??1m");
    ASSERT_EQ(object->unsupported.size(), 1u);
    EXPECT_EQ(object->unsupported[0].name, "b?");
    EXPECT_EQ(object->unsupported[0].section, "kprobe/?[2J");
    ASSERT_EQ(object->maps.size(), 2u);
    EXPECT_EQ(object->maps[0].name, "m???");
    EXPECT_EQ(object->maps[1].name, ".data.?");
}

TEST(Linker, RefusesRelocationsInsideAnInstruction) {
    ObjectBuilder builder = program({{.opcode = 0x18}, {}, kExit});
    const uint32_t data = builder.add_words(".data", {1, 2});
    const uint32_t symbol = builder.add_symbol("x", data, 0, 8, STT_OBJECT, STB_GLOBAL);
    builder.add_relocation(1, 4, symbol, kLoad);
    EXPECT_NE(refusal(builder).find("not at the start of an instruction"), std::string::npos);
}

TEST(Linker, AddsTheAddendOfDataReferences) {
    ObjectBuilder builder = program({{.opcode = 0x18, .imm = 4}, {}, kExit});
    const uint32_t data = builder.add_words(".data", {1, 2, 3});
    const uint32_t symbol = builder.add_symbol("x", data, 4, 8, STT_OBJECT, STB_GLOBAL);
    builder.add_relocation(1, 0, symbol, kLoad);
    const auto object = load_object(builder.build(), {});
    ASSERT_TRUE(object) << object.error().message;
    const ProgramSpec& entry = object->programs.front();
    EXPECT_EQ(entry.insns[0].src, 2);
    EXPECT_EQ(entry.insns[1].imm, 8);
    ASSERT_EQ(entry.maps.size(), 1u);
    EXPECT_EQ(entry.maps[0].name, ".data");
}

}  // namespace
}  // namespace weir::vm
