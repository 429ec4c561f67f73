// The corpus in the live kernel alone: every program loads, runs over every packet, and gives the
// same again, so that what another engine gives may be compared.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/corpus_cases.h"
#include "tests/support/kernel_network.h"
#include "tests/support/kernel_runner.h"

namespace weir::tests {
namespace {

std::vector<Bytes> bytes_of(std::vector<TestPacket> packets) {
    std::vector<Bytes> bytes;
    for (TestPacket& packet : packets) bytes.push_back(std::move(packet.bytes));
    return bytes;
}

void expect_same_again(const CorpusObject& object, const KernelProgram& program) {
    SCOPED_TRACE(fmt::format("{} {}", object.path, program.name));
    const std::vector<Bytes> packets =
        bytes_of(packets_for(program.is_socket_filter, program.has_frags));
    ASSERT_GE(packets.size(), 150u);
    const RunSetup setup = run_setup(object);
    const auto first = run_in_kernel(object.path, program.name, packets, setup);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = run_in_kernel(object.path, program.name, packets, setup);
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(first->packets, second->packets);
    for (const auto& [name, entries] : first->maps)
        EXPECT_EQ(entries, second->maps.at(name)) << "map " << name;
    for (const auto& [name, records] : first->events)
        EXPECT_EQ(records, second->events.at(name)) << "map " << name;
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
    EXPECT_GE(programs, 80u);
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

std::string level_name(const testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Levels, CorpusKernel,
                         testing::Values("clang-14.v1", "clang-14.v2", "clang-14.v3", "clang-19.v1",
                                         "clang-19.v2", "clang-19.v3", "clang-19.v4"),
                         level_name);

}  // namespace
}  // namespace weir::tests
