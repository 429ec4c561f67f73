#include "controlplane/cli/program_listing.h"

#include <gtest/gtest.h>

#include "tests/unit/controlplane/listed_program.h"
#include "vm/isa/assemble.h"

namespace weir::controlplane::cli {
namespace {

TEST(ProgramListing, NamesWhatNumbersStandFor) {
    const std::vector<ListedInsn> listed = list_program(everything());
    ASSERT_EQ(listed.size(), 11u);
    EXPECT_EQ(listed[0].label, "entry");
    EXPECT_EQ(listed[0].target, "L3");
    ASSERT_NE(listed[0].line, nullptr);
    EXPECT_EQ(listed[1].remark, "map .bss");
    EXPECT_EQ(listed[1].bytes.size(), 16 * 3 - 1u);
    EXPECT_EQ(listed[2].label, "L3");
    EXPECT_EQ(listed[2].remark, "map .bss: seen");
    EXPECT_EQ(listed[3].remark, "map .bss + 0x4");
    EXPECT_EQ(listed[4].remark, "bpf_ktime_get_ns");
    EXPECT_EQ(listed[5].remark, "bpf_get_current_task, not offered");
    EXPECT_EQ(listed[6].remark, "bpf_iter_num_new");
    EXPECT_EQ(listed[7].target, "helper");
    EXPECT_EQ(listed[9].label, "helper");
}

TEST(ProgramListing, AssemblesBackToTheSameBytes) {
    const vm::ProgramSpec program = everything();
    const Result<std::vector<vm::Insn>> again = vm::assemble(listing_text(program));
    ASSERT_TRUE(again) << again.error().message << "\n" << listing_text(program);
    EXPECT_EQ(*again, program.insns);
}

TEST(ProgramListing, TellsFunctionsOfOneNameApart) {
    vm::ProgramSpec program = everything();
    program.subprograms[1].name = "entry";
    EXPECT_EQ(list_program(program)[9].label, "entry.12");
}

TEST(ProgramListing, ShowsBytesThatAreNoInstruction) {
    vm::ProgramSpec program;
    program.insns = {{0xff, 1, 2, 3, 4}};
    const std::vector<ListedInsn> listed = list_program(program);
    ASSERT_EQ(listed.size(), 1u);
    EXPECT_EQ(listed[0].text, "<unknown> ff 21 03 00 04 00 00 00");
}

}  // namespace
}  // namespace weir::controlplane::cli
