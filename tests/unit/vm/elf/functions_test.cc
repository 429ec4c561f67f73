#include "vm/elf/functions.h"

#include <gtest/gtest.h>

#include "tests/unit/vm/elf/object_builder.h"
#include "vm/elf/elf.h"

namespace weir::vm {
namespace {

using tests::ObjectBuilder;
using tests::pass;

std::vector<Insn> twice(const std::vector<Insn>& insns) {
    std::vector<Insn> both = insns;
    both.insert(both.end(), insns.begin(), insns.end());
    return both;
}

Result<ObjectSpec> load(ObjectBuilder& builder, uint16_t machine = EM_BPF) {
    return load_object(builder.build(machine), {});
}

std::string error_of(ObjectBuilder& builder) {
    const auto loaded = load(builder);
    return loaded ? "" : loaded.error().message;
}

TEST(Functions, TakesSymbolsWithoutTypeAndSizeOfOldCompilers) {
    ObjectBuilder builder;
    const uint32_t code = builder.add_code("xdp", twice(pass()));
    builder.add_symbol("LBB0_1", code, 8, 0, STT_NOTYPE, STB_LOCAL);
    builder.add_symbol("first", code, 0, 0, STT_NOTYPE, STB_GLOBAL);
    builder.add_symbol("second", code, 16, 0, STT_NOTYPE, STB_GLOBAL);
    const auto object = load(builder, EM_NONE);
    ASSERT_TRUE(object) << object.error().message;
    ASSERT_EQ(object->programs.size(), 2u);
    EXPECT_EQ(object->programs[0].name, "first");
    EXPECT_EQ(object->programs[0].insns.size(), 2u);
    EXPECT_EQ(object->programs[1].name, "second");
}

TEST(Functions, CallsCodeWithoutSymbolsAsItsSection) {
    ObjectBuilder builder;
    builder.add_code("xdp", pass());
    const auto object = load(builder);
    ASSERT_TRUE(object) << object.error().message;
    ASSERT_EQ(object->programs.size(), 1u);
    EXPECT_EQ(object->programs[0].name, "xdp");
}

TEST(Functions, TakesTwoNamesOfOneFunctionForTwoPrograms) {
    ObjectBuilder builder;
    const uint32_t code = builder.add_code("xdp", pass());
    builder.add_symbol("one", code, 0, 16, STT_FUNC, STB_GLOBAL);
    builder.add_symbol("other", code, 0, 16, STT_FUNC, STB_WEAK);
    const auto object = load(builder);
    ASSERT_TRUE(object) << object.error().message;
    EXPECT_EQ(object->programs.size(), 2u);
}

TEST(Functions, DoesNotLoadStaticFunctionsBesidePrograms) {
    ObjectBuilder builder;
    const uint32_t code = builder.add_code("xdp", twice(pass()));
    builder.add_symbol("helper", code, 0, 16, STT_FUNC, STB_LOCAL);
    builder.add_symbol("entry", code, 16, 16, STT_FUNC, STB_GLOBAL);
    const auto object = load(builder);
    ASSERT_TRUE(object) << object.error().message;
    ASSERT_EQ(object->programs.size(), 1u);
    EXPECT_EQ(object->programs[0].name, "entry");
}

TEST(Functions, RefusesWhatIsNoWholeFunction) {
    struct Case {
        uint64_t value, size;
        const char* says;
    };
    for (const Case& bad :
         {Case{4, 8, "no whole number"}, Case{0, 12, "no whole number"},
          Case{8, 16, "outside the section"}, Case{1u << 20, 8, "outside the section"}}) {
        ObjectBuilder builder;
        const uint32_t code = builder.add_code("xdp", pass());
        builder.add_symbol("cut", code, bad.value, bad.size, STT_FUNC, STB_GLOBAL);
        EXPECT_NE(error_of(builder).find(bad.says), std::string::npos) << error_of(builder);
    }
    ObjectBuilder builder;
    const uint32_t code = builder.add_code("xdp", twice(pass()));
    builder.add_symbol("one", code, 0, 24, STT_FUNC, STB_GLOBAL);
    builder.add_symbol("other", code, 16, 16, STT_FUNC, STB_GLOBAL);
    EXPECT_NE(error_of(builder).find("\"one\" and \"other\" overlap at instruction 2"),
              std::string::npos);
}

}  // namespace
}  // namespace weir::vm
