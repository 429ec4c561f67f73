#include "vm/elf/externs.h"

#include <gtest/gtest.h>

#include "tests/support/kernel_facts.h"
#include "tests/unit/vm/elf/loaded_object.h"
#include "vm/elf/core_patch.h"
#include "vm/elf/kernel_config.h"
#include "vm/isa/helper_info.h"

namespace weir::vm {
namespace {

class KernelFacts : public testing::Test {
protected:
    KernelFacts() {
        object_ = tests::load("loader/kernel_facts.clang-14.v3.o",
                              {.kconfig_path = weir::tests::kernel_facts_path()});
    }

    int64_t config(std::string_view name) const {
        return tests::value_of(object_, ".kconfig", name);
    }
    const std::vector<Insn>& insns(std::string_view name) const {
        static const std::vector<Insn> kNone;
        const ProgramSpec* program = tests::program_named(object_, name);
        EXPECT_NE(program, nullptr) << name << ": " << tests::reason_of(object_, name);
        return program == nullptr ? kNone : program->insns;
    }

    ObjectSpec object_;
};

TEST_F(KernelFacts, FillTheMapOfConstants) {
    const MapSpec* map = tests::map_named(object_.maps, ".kconfig");
    ASSERT_NE(map, nullptr);
    EXPECT_TRUE(map->frozen);
    EXPECT_EQ(map->flags, kMapRdonlyProg);
    EXPECT_EQ(config("LINUX_KERNEL_VERSION"), elf::running_kernel_version());
    EXPECT_EQ(config("LINUX_HAS_BPF_COOKIE"), 1);
    EXPECT_EQ(config("CONFIG_YES"), 1);
    EXPECT_EQ(config("CONFIG_MODULE"), 2);
    EXPECT_EQ(config("CONFIG_LETTER"), 'n');
    EXPECT_EQ(config("CONFIG_NUMBER"), 300);
    EXPECT_EQ(config("CONFIG_NEGATIVE"), -5);
    EXPECT_EQ(static_cast<uint64_t>(config("CONFIG_HEX")), 0xffff888000000000u);
    EXPECT_EQ(config("CONFIG_TEXT"), 0x6c656e72656b) << "kernel";
    EXPECT_EQ(config("CONFIG_ABSENT"), 0);
}

TEST_F(KernelFacts, SpoilOnlyTheProgramsThatMissThem) {
    EXPECT_NE(tests::program_named(object_, "version"), nullptr);
    EXPECT_NE(tests::program_named(object_, "settings"), nullptr);
    EXPECT_NE(tests::program_named(object_, "absent"), nullptr);
    EXPECT_NE(tests::reason_of(object_, "missing").find("\"CONFIG_MISSING\" of .kconfig"),
              std::string::npos);
    EXPECT_NE(tests::reason_of(object_, "too_large").find("does not fit 1 bytes"),
              std::string::npos);
    EXPECT_NE(tests::reason_of(object_, "module_for_bool").find("is m"), std::string::npos);
    EXPECT_NE(
        tests::reason_of(object_, "calls_missing").find("kfunc bpf_never_there is not offered"),
        std::string::npos);
}

TEST_F(KernelFacts, CallKernelFunctionsByTheirNumber) {
    const auto call = std::ranges::find(insns("calls"), 0x85, &Insn::opcode);
    ASSERT_NE(call, insns("calls").end());
    EXPECT_EQ(call->src, 2);
    EXPECT_EQ(call->off, 0);
    const HelperInfo* info = kfunc_by_name("bpf_dynptr_from_xdp");
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(call->imm, static_cast<int32_t>(info->id));
}

TEST_F(KernelFacts, AreZeroWhereTheyAreWeakAndMissing) {
    const auto& checks = insns("checks_first");
    ASSERT_FALSE(checks.empty());
    EXPECT_EQ(checks[0].opcode, 0x18);
    EXPECT_EQ(checks[0].src, 0);
    EXPECT_EQ(checks[0].imm, 0);
    EXPECT_TRUE(
        std::ranges::any_of(checks, [](const Insn& insn) { return insn.imm == kPoisonHelper; }));
    EXPECT_TRUE(decode_program(checks));
    const auto& there = insns("is_there");
    const auto address = std::ranges::find(there, 0x18, &Insn::opcode);
    ASSERT_NE(address, there.end());
    EXPECT_EQ(address->src, 0);
    EXPECT_EQ(address->imm, 1);
}

TEST(Externs, ComeFromTheRunningKernelUnlessTold) {
    const ObjectSpec object = tests::load("loader/kernel_facts.clang-14.v3.o");
    const bool is_readable = elf::read_kernel_config("").has_value();
    EXPECT_NE(
        tests::reason_of(object, "missing")
            .find(is_readable ? "the kernel's configuration does not have it" : "cannot open"),
        std::string::npos)
        << tests::reason_of(object, "missing");
    const ObjectSpec unreadable =
        tests::load("loader/kernel_facts.clang-14.v3.o", {.kconfig_path = "/nowhere/config"});
    EXPECT_NE(tests::reason_of(unreadable, "settings").find("/nowhere/config"), std::string::npos);
    EXPECT_NE(tests::program_named(unreadable, "version"), nullptr);
}

}  // namespace
}  // namespace weir::vm
