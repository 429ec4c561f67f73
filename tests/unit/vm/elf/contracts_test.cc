#include "vm/elf/contracts.h"

#include <gtest/gtest.h>

#include "tests/unit/vm/elf/loaded_object.h"

namespace weir::vm {
namespace {

std::optional<Contract> contract_of(const ProgramSpec* program, std::string_view function) {
    EXPECT_NE(program, nullptr);
    if (program == nullptr) return std::nullopt;
    const auto found = std::ranges::find(program->subprograms, function, &Subprogram::name);
    EXPECT_NE(found, program->subprograms.end()) << function;
    return found == program->subprograms.end() ? std::nullopt : found->contract;
}

TEST(Contracts, SayWhatGlobalFunctionsTake) {
    for (const char* const path :
         {"elf/global_memory.clang-14.v1.o", "elf/global_memory.clang-19.v4.o"}) {
        const ObjectSpec object = tests::load(path);
        const ProgramSpec* const program = tests::program_named(object, "global_memory");
        const Argument number{ArgumentKind::Number, 0}, pair{ArgumentKind::Memory, 8};
        EXPECT_EQ(contract_of(program, "sum_of"), (Contract{{pair}, true}));
        EXPECT_EQ(contract_of(program, "fill"), (Contract{{pair, number}, true}));
        EXPECT_EQ(contract_of(program, "length_of"),
                  (Contract{{{ArgumentKind::Context, 0}}, true}));
    }
}

TEST(Contracts, AreNoneOfStaticAndHiddenFunctionsAndOfPrograms) {
    const ObjectSpec memory = tests::load("elf/global_memory.clang-19.v3.o");
    const ProgramSpec* const program = tests::program_named(memory, "global_memory");
    EXPECT_FALSE(contract_of(program, "half_of"));
    EXPECT_FALSE(contract_of(program, "global_memory"));
    const ObjectSpec object = tests::load("subprograms.clang-19.v3.o");
    const ProgramSpec* const caller = tests::program_named(object, "subprograms");
    ASSERT_NE(caller, nullptr);
    ASSERT_GE(caller->subprograms.size(), 2u);
    for (const Subprogram& function : caller->subprograms) EXPECT_FALSE(function.contract);
}

/// What is no context of this type of program is memory.
TEST(Contracts, KnowTheContextByTheProgramsType) {
    const ObjectSpec object =
        tests::load("elf/global_memory.clang-19.v3.o", {.type = ProgramType::SocketFilter});
    const ProgramSpec* const program = tests::program_named(object, "global_memory");
    EXPECT_EQ(contract_of(program, "length_of"), (Contract{{{ArgumentKind::Memory, 24}}, true}));
}

}  // namespace
}  // namespace weir::vm
