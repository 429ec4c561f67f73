// Every form of every instruction with boundary values: interpreter, machine code with and without
// what only some CPUs have and with constants blinded, alone and in bursts. WEIR_FORMS_STEP=1 takes
// every pair of values.

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/differential/forms_engines.h"
#include "tests/support/environment.h"

namespace weir::tests {
namespace {

constexpr uint64_t kStepByDefault = 3;

void compare(std::span<const Form> forms, std::span<const FormOperands> operands,
             FormEngines& engines) {
    for (size_t first = 0; first < operands.size(); first += kFormPackets) {
        const auto some =
            operands.subspan(first, std::min<size_t>(kFormPackets, operands.size() - first));
        const FormResults wanted = engines.interpret(some);
        for (const auto& [name, got] : engines.run_code(some)) {
            EXPECT_EQ(form_difference(forms, wanted.out, got.out, some), "") << name;
            EXPECT_EQ(wanted.verdicts, got.verdicts) << name;
            EXPECT_EQ(wanted.memory == got.memory, true) << name << ": memory differs";
            if (testing::Test::HasFailure()) return;
        }
    }
}

void compare_all(const std::vector<Form>& forms) {
    const std::vector<FormOperands> operands =
        form_operands(number_from_environment("WEIR_FORMS_STEP", kStepByDefault));
    for (size_t first = 0; first < forms.size(); first += kFormsPerProgramMax) {
        const auto some = std::span(forms).subspan(
            first, std::min<size_t>(kFormsPerProgramMax, forms.size() - first));
        FormEngines engines(forms_program(some));
        if (!engines.ok()) return;
        compare(some, operands, engines);
        if (testing::Test::HasFailure()) return;
    }
}

class Forms : public testing::TestWithParam<vm::Op> {};

TEST_P(Forms, AgreeInEveryEngine) {
    const std::vector<Form> forms = forms_of(GetParam());
    ASSERT_EQ(forms.empty(), !without_forms(GetParam()).empty());
    compare_all(forms);
}

std::vector<vm::Op> all_ops() {
    std::vector<vm::Op> ops;
    for (const vm::OpInfo& info : vm::kOps) ops.push_back(info.op);
    return ops;
}

std::string name_of(const testing::TestParamInfo<vm::Op>& row) {
    return std::string(vm::op_info(row.param).name);
}

INSTANTIATE_TEST_SUITE_P(Rows, Forms, testing::ValuesIn(all_ops()), name_of);

TEST(FormPairs, AgreeInEveryEngine) {
    compare_all(forms_of_pairs());
}

/// What is listed here with a reason must not be what forms were forgotten for.
TEST(FormTable, HoldsAFormOfEveryRow) {
    size_t rows = 0;
    for (const vm::OpInfo& info : vm::kOps) rows += forms_of(info.op).empty() ? 0 : 1;
    EXPECT_EQ(rows, vm::kOpCount - 13);
}

}  // namespace
}  // namespace weir::tests
