// Swap after swap in one process: what was retired is gone, not merely unused.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/support/environment.h"
#include "tests/unit/dataplane/commands_fixture.h"

namespace weir::dataplane {
namespace {

/// What a process holds.
struct Footprint {
    uint64_t resident_kib = 0, descriptors = 0, mappings = 0;
};

Footprint footprint_of(pid_t pid) {
    const std::string proc = "/proc/" + std::to_string(pid);
    Footprint footprint;
    std::ifstream status(proc + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) footprint.resident_kib = std::stoull(line.substr(6));
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(proc + "/fd"))
        ++footprint.descriptors;
    std::ifstream maps(proc + "/maps");
    for (std::string line; std::getline(maps, line);) ++footprint.mappings;
    return footprint;
}

class SwapsFlat : public CommandsTest {
protected:
    /// A new program of new code and, in turns, with a new map or the map of before.
    void swap(uint64_t number) {
        const vm::MapSpec spec = testing_map("counts", vm::MapType::Hash, 4096);
        if (number % 2 == 0 || map_ == 0) map_ = must(client_->create_map({"fw/counts", spec}));
        vm::ProgramSpec program =
            testing_counter(number % 3 == 0 ? vm::XDP_PASS : vm::XDP_DROP, spec);
        const api::ProgramLoaded loaded =
            must(client_->load_program({"fw", program, {map_}, "fw.o", "abc"}));
        must(client_->publish({{{"wan", false, {loaded.handle}}}, std::to_string(number)}));
    }
};

TEST_F(SwapsFlat, LeaveMemoryCodeMapsAndDescriptorsAsTheyWere) {
    configure();
    constexpr uint64_t kWarmUp = 40;  // allocators keep what they had once
    const uint64_t wanted = tests::number_from_environment("WEIR_SWAPS", 100);
    for (uint64_t i = 0; i < kWarmUp; ++i) swap(i);
    const Footprint before = footprint_of(dataplane_.pid());
    for (uint64_t i = kWarmUp; i < kWarmUp + wanted; ++i) swap(i);
    const Footprint after = footprint_of(dataplane_.pid());
    const api::SwapTimes times = must(client_->swap_times());
    std::cout << wanted << " swaps: resident " << before.resident_kib << " -> "
              << after.resident_kib << " KiB, mappings " << before.mappings << " -> "
              << after.mappings << ", descriptors " << before.descriptors << " -> "
              << after.descriptors << "; swap p50 " << times.p50_ns / 1000 << " us, p99 "
              << times.p99_ns / 1000 << " us, max " << times.max_ns / 1000 << " us\n";
    EXPECT_EQ(times.count, kWarmUp + wanted);
    EXPECT_EQ(after.descriptors, before.descriptors);
    EXPECT_LE(after.mappings, before.mappings + 16) << "code and maps that nobody runs any more";
    EXPECT_LE(after.resident_kib, before.resident_kib + 4096);
    EXPECT_EQ(must(client_->list_programs()).size(), 1u);
    EXPECT_EQ(must(client_->list_maps()).size(), 1u);
}

}  // namespace
}  // namespace weir::dataplane
