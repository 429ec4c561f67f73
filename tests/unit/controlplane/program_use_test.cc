#include "controlplane/cli/program_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controlplane/listed_program.h"

namespace weir::controlplane::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ProgramUse, NamesHelpersKfuncsAndMapsOnce) {
    vm::ProgramSpec program = everything();
    program.maps.push_back(global_data());
    program.maps[1].name = "not used";
    program.insns.insert(program.insns.end() - 1, program.insns[6]);  // ktime_get_ns again
    const ProgramUse use = program_use(program, nullptr);
    EXPECT_THAT(use.helpers, ElementsAre("get_current_task", "ktime_get_ns"));
    EXPECT_THAT(use.kfuncs, ElementsAre("bpf_iter_num_new"));
    EXPECT_THAT(use.maps, ElementsAre(".bss"));
}

TEST(ProgramUse, LeavesOutWhatTheProofSaysIsNotReached) {
    const vm::ProgramSpec program = everything();
    vm::Proof proof;
    proof.facts.resize(program.insns.size());
    EXPECT_THAT(program_use(program, &proof).helpers, IsEmpty());
    EXPECT_THAT(program_use(program, &proof).maps, IsEmpty());
    for (size_t pc = 0; pc < 8; ++pc) proof.facts[pc].reachable = true;
    const ProgramUse use = program_use(program, &proof);
    EXPECT_THAT(use.helpers, ElementsAre("ktime_get_ns"));
    EXPECT_THAT(use.kfuncs, IsEmpty());
    EXPECT_THAT(use.maps, ElementsAre(".bss"));
}

TEST(ProgramUse, TakesAnyBytes) {
    vm::ProgramSpec program;
    program.insns = {{.opcode = 0x85, .imm = 4'000},
                     {.opcode = 0x85, .src = 2, .imm = 4'000},
                     {.opcode = 0x18, .src = 1, .imm = 77},
                     {},
                     {.opcode = 0xff},
                     {.opcode = 0x18}};
    const ProgramUse use = program_use(program, nullptr);
    EXPECT_THAT(use.helpers, ElementsAre("helper 4000"));
    EXPECT_THAT(use.kfuncs, ElementsAre("kfunc 4000"));
    EXPECT_THAT(use.maps, IsEmpty());
}

}  // namespace
}  // namespace weir::controlplane::cli
