// The objects that the distribution's libxdp and xdp-tools install: all of their programs load, and
// those for XDP do what they do in the live kernel.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/kernel_network.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/packets.h"
#include "tests/support/run_difference.h"
#include "tests/support/weir_runner.h"
#include "vm/elf/elf.h"

namespace weir::tests {
namespace {

const std::filesystem::path kFolder = WEIR_PACKAGED_OBJECTS_DIR;
constexpr uint32_t kEntriesAssumed = 64;

std::vector<std::string> packaged_objects() {
    std::vector<std::string> paths;
    if (!std::filesystem::is_directory(kFolder)) return paths;
    for (const auto& entry : std::filesystem::directory_iterator(kFolder))
        if (entry.path().extension() == ".o") paths.push_back(entry.path().string());
    std::ranges::sort(paths);
    return paths;
}

Result<vm::ObjectSpec> load(const std::string& path) {
    vm::LoadOptions options;
    options.assume_entries_max = kEntriesAssumed;
    return vm::load_object_file(path, options);
}

bool has_program(const vm::ObjectSpec& object, const std::string& name) {
    return std::ranges::find(object.programs, name, &vm::ProgramSpec::name) !=
           object.programs.end();
}

void compare_program(const std::string& path, const vm::ObjectSpec& object,
                     const vm::ProgramSpec& program) {
    SCOPED_TRACE(fmt::format("{} {}", path, program.name));
    std::vector<TestPacket> packets = test_packets();
    if (program.has_frags)
        for (TestPacket& packet : jumbo_packets()) packets.push_back(std::move(packet));
    const std::vector<Bytes> bytes = bytes_of(packets);
    const auto kernel = run_in_kernel(path, program.name, bytes);
    ASSERT_TRUE(kernel) << kernel.error().message;
    const auto ours = run_checked(object, program.name, bytes, {});
    ASSERT_TRUE(ours) << ours.error().message;
    EXPECT_EQ(first_difference(*kernel, *ours, packets), "");
}

class PackagedObjects : public testing::Test {
protected:
    void SetUp() override {
        if (const auto missing = kernel_missing()) GTEST_SKIP() << *missing;
        ASSERT_GE(packaged_objects().size(), 15u)
            << kFolder << ": scripts/setup installs libxdp1 and xdp-tools";
        const auto network = enter_test_network();
        ASSERT_TRUE(network) << network.error().message;
    }
};

TEST_F(PackagedObjects, LoadWithAllProgramsThatLibbpfSees) {
    for (const std::string& path : packaged_objects()) {
        SCOPED_TRACE(path);
        const auto object = load(path);
        ASSERT_TRUE(object) << object.error().message;
        const auto seen = kernel_programs(path);
        ASSERT_TRUE(seen) << seen.error().message;
        for (const KernelProgram& program : *seen)
            EXPECT_TRUE(has_program(*object, program.name)) << program.name;
        EXPECT_GE(object->programs.size() + object->unsupported.size(), 1u);
    }
}

TEST_F(PackagedObjects, DoWhatTheyDoInTheKernel) {
    size_t programs = 0;
    for (const std::string& path : packaged_objects()) {
        const auto object = load(path);
        ASSERT_TRUE(object) << object.error().message;
        for (const vm::ProgramSpec& program : object->programs) {
            compare_program(path, *object, program);
            ++programs;
        }
    }
    EXPECT_GE(programs, 14u);
}

}  // namespace
}  // namespace weir::tests
