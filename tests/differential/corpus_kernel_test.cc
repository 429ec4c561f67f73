// The corpus in the live kernel alone: every program loads, runs over every packet, and gives the
// same again, so that what another engine gives may be compared.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/corpus_cases.h"
#include "tests/support/corpus_levels.h"
#include "tests/support/kernel_network.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/run_difference.h"

namespace weir::tests {
namespace {

constexpr LevelCounts kPrograms{138, 140, 145};

void expect_same_again(const CorpusObject& object, const KernelProgram& program) {
    SCOPED_TRACE(fmt::format("{} {}", object.path, program.name));
    const std::vector<TestPacket> packets =
        packets_for(program.is_socket_filter, program.has_frags);
    ASSERT_GE(packets.size(), 150u);
    const std::vector<Bytes> bytes = bytes_of(packets);
    const RunSetup setup = run_setup(object);
    const auto first = run_in_kernel(object.path, program.name, bytes, setup);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_TRUE(!setup.is_done || setup.is_done(first->maps)) << "the kernel never got done";
    const auto second = run_in_kernel(object.path, program.name, bytes, setup);
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(first_difference(*first, *second, packets), "");
}

class CorpusKernel : public testing::TestWithParam<std::string> {
protected:
    void SetUp() override {
        if (const auto missing = kernel_missing()) GTEST_SKIP() << *missing;
        const auto network = enter_test_network();
        ASSERT_TRUE(network) << network.error().message;
    }
};

TEST_P(CorpusKernel, RunsEveryProgramTheSameEveryTime) {
    size_t programs = 0;
    for (const CorpusObject& object : all_corpus_objects(WEIR_CORPUS_DIR)) {
        if (object.level != GetParam() || kernel_path(object) != KernelPath::Libbpf) continue;
        const auto listed = kernel_programs(object.path);
        ASSERT_TRUE(listed) << object.path << ": " << listed.error().message;
        for (const KernelProgram& program : *listed) {
            expect_same_again(object, program);
            ++programs;
        }
    }
    EXPECT_GE(programs, kPrograms.of(GetParam()));
}

TEST_P(CorpusKernel, LoadsWhatNoTestMayRun) {
    size_t programs = 0;
    for (const CorpusObject& object : all_corpus_objects(WEIR_CORPUS_DIR)) {
        if (object.level != GetParam() || kernel_path(object) != KernelPath::LoadOnly) continue;
        const auto listed = kernel_programs(object.path);
        ASSERT_TRUE(listed) << object.path << ": " << listed.error().message;
        for (const KernelProgram& program : *listed) {
            const auto verdict = load_in_kernel(object.path, program.name,
                                                object.name == "metadata" ? kFirstIfindex : 0);
            ASSERT_TRUE(verdict) << object.path << ": " << verdict.error().message;
            EXPECT_TRUE(verdict->accepted) << object.path << ": " << verdict->log;
            ++programs;
        }
    }
    EXPECT_EQ(programs, 4u);
}

INSTANTIATE_TEST_SUITE_P(Levels, CorpusKernel, testing::ValuesIn(kCorpusLevels), level_name);

}  // namespace
}  // namespace weir::tests
