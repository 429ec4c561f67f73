// Programs that the kernel's test run does not take: behind devmaps and cpumaps, where frames are
// really redirected and the maps tell what the programs saw; and for one device, where ours says
// what a device without metadata says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "tests/support/corpus_cases.h"
#include "tests/support/corpus_levels.h"
#include "tests/support/kernel_network.h"
#include "tests/support/run_difference.h"
#include "tests/support/weir_runner.h"
#include "vm/elf/elf.h"

namespace weir::tests {
namespace {

constexpr size_t kLiveFrameBytesMax = 1514;  ///< what the devices of the test's network take
constexpr size_t kNoteBytes = 16;

std::vector<TestPacket> live_packets() {
    std::vector<TestPacket> packets = test_packets();
    std::erase_if(
        packets, [](const TestPacket& packet) { return packet.bytes.size() > kLiveFrameBytesMax; });
    return packets;
}

std::vector<CorpusObject> objects_named(const std::string& name) {
    std::vector<CorpusObject> objects = all_corpus_objects(WEIR_CORPUS_DIR);
    std::erase_if(objects, [&](const CorpusObject& object) { return object.name != name; });
    return objects;
}

/// Maps alone: the kernel does not show what becomes of redirected packets.
std::string maps_difference(const RunResult& kernel, const RunResult& ours) {
    return first_difference({{}, kernel.maps, {}}, {{}, ours.maps, {}}, {});
}

void compare_redirected(const CorpusObject& object, const vm::ObjectSpec& loaded,
                        const vm::ProgramSpec& program, std::span<const Bytes> packets) {
    SCOPED_TRACE(fmt::format("{} {}", object.path, program.name));
    RunSetup setup;
    if (program.hook == vm::XdpHook::Devmap) setup.egress_ifindex = kSecondIfindex;
    const auto ours = run_checked(loaded, program.name, packets, setup);
    ASSERT_TRUE(ours) << ours.error().message;
    setup.is_done = [&](const auto& maps) {
        return maps_difference({{}, maps, {}}, *ours).empty();
    };
    const auto kernel = run_redirected_in_kernel(object.path, program.name, packets, setup);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(maps_difference(*kernel, *ours), "");
}

TEST(CorpusDevices, BehindDevmapsAndCpumapsEqualTheKernel) {
    if (const auto missing = kernel_missing()) GTEST_SKIP() << *missing;
    const auto network = enter_test_network();
    ASSERT_TRUE(network) << network.error().message;
    const std::vector<Bytes> packets = bytes_of(live_packets());
    ASSERT_GE(packets.size(), 150u);
    size_t programs = 0;
    for (const CorpusObject& object : objects_named("device_types")) {
        const auto loaded = vm::load_object_file(object.path, {});
        ASSERT_TRUE(loaded) << loaded.error().message;
        for (const vm::ProgramSpec& program : loaded->programs) {
            EXPECT_NE(program.hook, vm::XdpHook::Device) << program.name;
            if (program.has_frags) continue;  // the redirect, which is none, sees no such packets
            compare_redirected(object, *loaded, program, packets);
            ++programs;
        }
    }
    EXPECT_EQ(programs, 2 * kCorpusLevels.size());
}

TEST(CorpusDevices, SayNothingWithoutMetadata) {
    const std::vector<Bytes> packets = bytes_of(live_packets());
    const std::vector<CorpusObject> objects = objects_named("metadata");
    EXPECT_EQ(objects.size(), kCorpusLevels.size());
    for (const CorpusObject& object : objects) {
        SCOPED_TRACE(object.path);
        const auto loaded = vm::load_object_file(object.path, {});
        ASSERT_TRUE(loaded) << loaded.error().message;
        const auto ours = run_checked(*loaded, "metadata", packets, {});
        ASSERT_TRUE(ours) << ours.error().message;
        const Bytes& notes = ours->maps.at(".bss").at(0).second;
        for (size_t i = 0; i < 3; ++i) {
            int64_t result = 0;
            std::memcpy(&result, &notes.at(i * kNoteBytes), sizeof result);
            EXPECT_EQ(result, -EOPNOTSUPP) << "call " << i;
        }
    }
}

}  // namespace
}  // namespace weir::tests
