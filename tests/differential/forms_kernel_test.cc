// Every form of every instruction in the live kernel, against our interpreter. WEIR_FORMS_STEP=1
// takes every pair of values.

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/differential/forms_engines.h"
#include "tests/support/environment.h"
#include "tests/support/kernel_load.h"
#include "tests/support/kernel_runner.h"

namespace weir::tests {
namespace {

constexpr uint64_t kStepByDefault = 5;
constexpr uint32_t kFirstKey = 0;

Bytes value_of(const LoadedInsns& loaded, int32_t map) {
    Bytes value(loaded.maps[static_cast<size_t>(map)].value_bytes);
    EXPECT_EQ(
        bpf_map_lookup_elem(loaded.maps[static_cast<size_t>(map)].fd, &kFirstKey, value.data()), 0);
    return value;
}

FormResults run_in_kernel(const LoadedInsns& loaded, std::span<const FormOperands> operands) {
    const Bytes memory = form_memory();
    const Bytes untouched(loaded.maps[kFormOut].value_bytes, uint8_t{0xee});
    EXPECT_EQ(bpf_map_update_elem(loaded.maps[kFormMemory].fd, &kFirstKey, memory.data(), 0), 0);
    EXPECT_EQ(bpf_map_update_elem(loaded.maps[kFormOut].fd, &kFirstKey, untouched.data(), 0), 0);
    FormResults results;
    for (const FormOperands& values : operands) {
        const Bytes packet = form_packet(static_cast<uint32_t>(results.verdicts.size()), values);
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(),
                    .data_size_in = static_cast<uint32_t>(packet.size()), .repeat = 1);
        EXPECT_EQ(bpf_prog_test_run_opts(loaded.program.get(), &options), 0)
            << std::strerror(errno);
        results.verdicts.push_back(options.retval);
    }
    results.out = value_of(loaded, kFormOut);
    results.memory = value_of(loaded, kFormMemory);
    return results;
}

void compare(std::span<const Form> forms) {
    const vm::ProgramSpec spec = forms_program(forms);
    const Result<LoadedInsns> loaded = load_insns(spec);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    const std::string& log = loaded->verdict.log;
    ASSERT_TRUE(loaded->verdict.accepted)
        << log.substr(log.size() - std::min<size_t>(log.size(), 2'000));
    FormEngines engines(spec);
    const std::vector<FormOperands> operands =
        form_operands(number_from_environment("WEIR_FORMS_STEP", kStepByDefault));
    for (size_t first = 0; first < operands.size(); first += kFormPackets) {
        const auto some = std::span(operands).subspan(
            first, std::min<size_t>(kFormPackets, operands.size() - first));
        const FormResults wanted = run_in_kernel(*loaded, some);
        const FormResults got = engines.interpret(some);
        ASSERT_EQ(form_difference(forms, wanted.out, got.out, some), "");
        ASSERT_EQ(wanted.verdicts, got.verdicts);
        ASSERT_TRUE(wanted.memory == got.memory) << "memory differs";
    }
}

void compare_all(const std::vector<Form>& forms) {
    if (const auto missing = kernel_missing()) GTEST_SKIP() << *missing;
    for (size_t first = 0; first < forms.size(); first += kFormsPerProgramMax) {
        compare(std::span(forms).subspan(
            first, std::min<size_t>(kFormsPerProgramMax, forms.size() - first)));
        if (testing::Test::HasFailure()) return;
    }
}

class FormsInKernel : public testing::TestWithParam<vm::Op> {};

TEST_P(FormsInKernel, AgreeWithTheInterpreter) {
    compare_all(forms_of(GetParam()));
}

std::vector<vm::Op> ops_with_forms() {
    std::vector<vm::Op> ops;
    for (const vm::OpInfo& info : vm::kOps)
        if (without_forms(info.op).empty()) ops.push_back(info.op);
    return ops;
}

std::string name_of(const testing::TestParamInfo<vm::Op>& row) {
    return std::string(vm::op_info(row.param).name);
}

INSTANTIATE_TEST_SUITE_P(Rows, FormsInKernel, testing::ValuesIn(ops_with_forms()), name_of);

TEST(FormPairsInKernel, AgreeWithTheInterpreter) {
    compare_all(forms_of_pairs());
}

}  // namespace
}  // namespace weir::tests
