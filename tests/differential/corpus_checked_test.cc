// The whole corpus, every object by every compiler, over every packet, unverified: our loader links
// it, our maps stand behind it, the instrumented interpreter runs it. Verdicts, bytes, map contents
// and events equal the live kernel's.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/corpus_cases.h"
#include "tests/support/corpus_levels.h"
#include "tests/support/kernel_network.h"
#include "tests/support/run_difference.h"
#include "tests/support/weir_runner.h"
#include "vm/elf/elf.h"

namespace weir::tests {
namespace {

constexpr uint32_t kEntriesAssumed = 64;
constexpr LevelCounts kPrograms{148, 150, 155};

Result<RunResult> run_kernel(const CorpusObject& object, const vm::ProgramSpec& program,
                             std::span<const Bytes> packets, const RunSetup& setup) {
    return kernel_path(object) == KernelPath::Linked
               ? run_in_kernel(program, packets, setup)
               : run_in_kernel(object.path, program.name, packets, setup);
}

/// A linked program brings its own maps only; and libbpf makes no map of what nobody refers to.
void keep_common(const vm::ObjectSpec& object, const RunResult& kernel, RunResult& ours) {
    for (const vm::MapSpec& map : object.maps) {
        if (!kernel.maps.contains(map.name)) ours.maps.erase(map.name);
        if (!kernel.events.contains(map.name)) ours.events.erase(map.name);
    }
}

void compare_program(const CorpusObject& object, const vm::ObjectSpec& loaded,
                     const vm::ProgramSpec& program) {
    SCOPED_TRACE(fmt::format("{} {}", object.path, program.name));
    const std::vector<TestPacket> packets =
        packets_for(program.type == vm::ProgramType::SocketFilter, program.has_frags);
    const std::vector<Bytes> bytes = bytes_of(packets);
    const RunSetup setup = run_setup(object);
    const auto kernel = run_kernel(object, program, bytes, setup);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_TRUE(!setup.is_done || setup.is_done(kernel->maps)) << "the kernel never got done";
    auto ours = run_checked(loaded, program.name, bytes, setup);
    ASSERT_TRUE(ours) << ours.error().message;
    if (kernel_path(object) == KernelPath::Linked) keep_common(loaded, *kernel, *ours);
    EXPECT_EQ(first_difference(*kernel, *ours, packets), "");
}

class CorpusChecked : public testing::TestWithParam<std::string> {
protected:
    void SetUp() override {
        if (const auto missing = kernel_missing()) GTEST_SKIP() << *missing;
        const auto network = enter_test_network();
        ASSERT_TRUE(network) << network.error().message;
    }
};

TEST_P(CorpusChecked, EqualsTheKernel) {
    size_t programs = 0;
    for (const CorpusObject& object : all_corpus_objects(WEIR_CORPUS_DIR)) {
        if (object.level != GetParam() || kernel_path(object) == KernelPath::LoadOnly) continue;
        vm::LoadOptions options;
        options.assume_entries_max = kEntriesAssumed;
        const auto loaded = vm::load_object_file(object.path, options);
        EXPECT_TRUE(loaded) << loaded.error().message;
        if (!loaded) continue;
        EXPECT_FALSE(loaded->programs.empty()) << object.path;
        for (const vm::ProgramSpec& program : loaded->programs) {
            if (!is_program(object, program.name)) continue;
            compare_program(object, *loaded, program);
            ++programs;
        }
    }
    EXPECT_GE(programs, kPrograms.of(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Levels, CorpusChecked, testing::ValuesIn(kCorpusLevels), level_name);

}  // namespace
}  // namespace weir::tests
