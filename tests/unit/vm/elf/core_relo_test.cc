// Every kind of relocation, from the types of core_local.bpf.c to those of core_target.bpf.c: each
// program there returns one answer.
#include "vm/elf/core_relo.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/vm/elf/loaded_object.h"

namespace weir::vm {
namespace {

using tests::load;

constexpr int64_t kPoisoned = INT64_MIN;

class CoreRelocation : public testing::TestWithParam<std::string> {
protected:
    CoreRelocation()
        : object_(
              load("loader/core_local." + GetParam() + ".o",
                   {.btf_path = tests::corpus_path("loader/core_target." + GetParam() + ".o")})) {}

    /// What the program's relocated instruction holds, the first but moves of registers: an offset,
    /// an immediate.
    int64_t answer(std::string_view name) const {
        const ProgramSpec* program = tests::program_named(object_, name);
        EXPECT_NE(program, nullptr) << name << ": " << tests::reason_of(object_, name);
        if (program == nullptr) return kPoisoned;
        const Insn* insn = program->insns.data();
        if (insn->opcode == 0xbf) ++insn;
        if (*insn == Insn{.opcode = 0x85, .imm = kPoisonHelper}) return kPoisoned;
        if (insn->opcode == 0x18)
            return static_cast<int64_t>(uint64_t{static_cast<uint32_t>(insn[1].imm)} << 32 |
                                        static_cast<uint32_t>(insn->imm));
        const bool is_alu = (insn->opcode & 7) == 4 || (insn->opcode & 7) == 7;
        return is_alu ? insn->imm : insn->off;
    }

    /// The last load or store.
    Insn access(std::string_view name) const {
        const ProgramSpec* program = tests::program_named(object_, name);
        Insn found;
        if (program == nullptr) return found;
        for (const Insn& insn : program->insns)
            if ((insn.opcode & 7) >= 1 && (insn.opcode & 7) <= 3) found = insn;
        return found;
    }

    ObjectSpec object_;
};

TEST_P(CoreRelocation, MovesOffsets) {
    EXPECT_EQ(answer("offset_hidden"), 28);
    EXPECT_EQ(answer("offset_flavor"), 28);
    EXPECT_EQ(answer("offset_nested"), 56 + 3 * 16 + 12);
    EXPECT_EQ(answer("offset_flexible"), 132 + 6 * 4);
    EXPECT_EQ(answer("offset_second_element"), 16 + 12);
    EXPECT_EQ(answer("offset_agreed"), 4);
    EXPECT_EQ(answer("address"), 56 + 2 * 16 + 12);
}

TEST_P(CoreRelocation, ResizesLoadsAndStoresOfUnsignedNumbersOnly) {
    EXPECT_EQ(access("offset_grown").opcode, 0x79) << "8 bytes";
    EXPECT_EQ(access("offset_grown").off, 32);
    EXPECT_EQ(access("offset_shrunk").opcode, 0x69) << "2 bytes";
    EXPECT_EQ(access("store_constant").opcode & 0x18, 0x18);
    EXPECT_EQ(access("store_register").opcode, 0x6b);
    EXPECT_EQ(answer("offset_signed_grown"), kPoisoned);
    EXPECT_TRUE(tests::has_notice(object_, "struct moved.signed_grown"));
}

TEST_P(CoreRelocation, PoisonsWhatIsNotThere) {
    for (const char* name :
         {"offset_gone", "offset_nowhere", "offset_changed_kind", "enum_value_gone"})
        EXPECT_EQ(answer(name), kPoisoned) << name;
    EXPECT_TRUE(tests::has_notice(
        object_, "the target has no byte_off struct nowhere.x (0:0 @ 0): the program is refused"));
    EXPECT_TRUE(tests::has_notice(object_, "the target has no enumval_value enum color::PURPLE"));
    // The code behind a check that answers no stays well formed.
    const ProgramSpec* guarded = tests::program_named(object_, "guarded");
    ASSERT_NE(guarded, nullptr);
    EXPECT_TRUE(decode_program(guarded->insns));
    EXPECT_TRUE(std::ranges::any_of(guarded->insns,
                                    [](const Insn& insn) { return insn.imm == kPoisonHelper; }));
}

TEST_P(CoreRelocation, RefusesProgramsWhoseTypesAreAmbiguous) {
    EXPECT_EQ(tests::program_named(object_, "offset_ambiguous"), nullptr);
    EXPECT_NE(tests::reason_of(object_, "offset_ambiguous").find("ambiguous"), std::string::npos);
}

TEST_P(CoreRelocation, TellsWhatExistsAndHowLarge) {
    EXPECT_EQ(answer("exists_hidden"), 1);
    EXPECT_EQ(answer("exists_gone"), 0);
    EXPECT_EQ(answer("exists_changed_kind"), 0);
    EXPECT_EQ(answer("size_grown"), 8);
    EXPECT_EQ(answer("size_nested"), 64);
    EXPECT_EQ(answer("type_exists"), 1);
    EXPECT_EQ(answer("type_nowhere"), 0);
    EXPECT_EQ(answer("type_union"), 1);
    EXPECT_EQ(answer("typedef_exists"), 1);
    EXPECT_EQ(answer("size_of_moved"), 136);
    EXPECT_EQ(answer("size_of_nowhere"), 0);
    EXPECT_EQ(answer("size_of_word"), 4);
}

TEST_P(CoreRelocation, ReadsBitFields) {
    EXPECT_EQ(answer("size_bits"), 4);
    EXPECT_EQ(answer("signed_high"), 1);
    EXPECT_EQ(answer("signed_low"), 0);
    EXPECT_EQ(answer("left_low"), 64 - 5);
    EXPECT_EQ(answer("right_low"), 64 - 5);
    EXPECT_EQ(answer("offset_high"), 128);
    EXPECT_EQ(answer("left_high"), 64 - 16);
    EXPECT_EQ(answer("right_high"), 64 - 11);
}

TEST_P(CoreRelocation, GivesEnumeratorsTheTargetsValues) {
    EXPECT_EQ(answer("enum_exists"), 1);
    EXPECT_EQ(answer("enum_gone"), 0);
    EXPECT_EQ(answer("enum_value"), 70000);
    EXPECT_EQ(answer("enum_signed"), -7);
}

TEST_P(CoreRelocation, GivesTypeIds) {
    EXPECT_GT(answer("id_local"), 0);
    EXPECT_GT(answer("id_target"), 0);
    EXPECT_EQ(answer("id_nowhere"), 0);
}

/// Kinds that older compilers do not know: BTF of 64-bit enums, __builtin_preserve_type_info(x, 2).
class NewCoreRelocation : public CoreRelocation {};

TEST_P(NewCoreRelocation, GivesWideEnumeratorsTheTargetsValues) {
    EXPECT_EQ(answer("enum_wide"), 0x200000005);
}

TEST_P(NewCoreRelocation, ComparesWholeTypes) {
    EXPECT_EQ(answer("matches"), 1);
    EXPECT_EQ(answer("matches_not"), 0);
    EXPECT_EQ(answer("matches_enum"), 1);
    EXPECT_EQ(answer("matches_callback"), 1);
}

INSTANTIATE_TEST_SUITE_P(Compilers, CoreRelocation, testing::Values("clang-14.v3", "clang-19.v4"),
                         [](const auto& level) { return level.param.substr(6, 2); });
INSTANTIATE_TEST_SUITE_P(Compilers, NewCoreRelocation, testing::Values("clang-19.v4"),
                         [](const auto& level) { return level.param.substr(6, 2); });

TEST(CoreRelocator, AsksForATargetOnlyWhereAnObjectDoes) {
    const LoadOptions options{.btf_path = "/nowhere/btf"};
    EXPECT_EQ(tests::error_of("constant.clang-14.v3.o", options), "");
    EXPECT_NE(tests::error_of("loader/core_local.clang-14.v3.o", options)
                  .find("/nowhere/btf: cannot open: No such file"),
              std::string::npos);
}

TEST(CoreRelocator, RefusesATargetWithoutTypes) {
    const std::string path = testing::TempDir() + "/no_types";
    std::ofstream(path) << "a file of some other kind, long enough to hold a header";
    EXPECT_NE(tests::error_of("loader/core_local.clang-14.v3.o", {.btf_path = path})
                  .find("expected 0xeb9f"),
              std::string::npos);
}

}  // namespace
}  // namespace weir::vm
