// The live kernel as the oracle: the same sequence of operations through bpf(2) and through our
// control side.

#include <cstring>

#include "maps/maps.h"
#include "tests/differential/kernel_map_calls.h"
#include "tests/support/environment.h"
#include "tests/support/map_sequences.h"

namespace weir::tests {
namespace {

constexpr uint32_t kNoCommonLru = 1u << 1;

class MapsAgainstKernel : public ::testing::Test {
protected:
    void SetUp() override {
        if (!kernel_answers()) GTEST_SKIP() << kKernelMissing;
        stay_on_first_cpu();
    }

    /// Hashes have an order of their own.
    static bool has_same_order(vm::MapType type) {
        return type == vm::MapType::Array || type == vm::MapType::PercpuArray ||
               type == vm::MapType::LpmTrie;
    }

    static void run(const vm::MapSpec& spec, uint64_t seed, uint32_t operations = 100'000) {
        const int in_kernel = create_in_kernel(spec);
        ASSERT_GE(in_kernel, 0) << strerror(-in_kernel);
        auto own = maps::create_map(spec, kernel_cpus());
        ASSERT_TRUE(own.has_value()) << own.error().message;
        const uint32_t value_bytes = (*own)->control_value_bytes();
        KernelControlSide reference(in_kernel, spec.key_bytes, value_bytes);
        testing::WeirControlSide tested(**own);
        operations = static_cast<uint32_t>(number_from_environment("WEIR_OPERATIONS", operations));
        testing::expect_same_sequence(spec,
                                      {.seed = seed + first_seed() - 1,
                                       .operations = operations,
                                       .control_value_bytes = value_bytes,
                                       .same_order = has_same_order(spec.type),
                                       .dump_every = operations / 10},
                                      reference, tested);
    }
};

TEST_F(MapsAgainstKernel, AgreesOnArrays) {
    run({.name = "a",
         .type = vm::MapType::Array,
         .key_bytes = 4,
         .value_bytes = 12,
         .entries_max = 40},
        1);
    run({.name = "a",
         .type = vm::MapType::Array,
         .key_bytes = 4,
         .value_bytes = 1,
         .entries_max = 1},
        2, 20'000);
}

TEST_F(MapsAgainstKernel, AgreesOnPercpuArrays) {
    run({.name = "a",
         .type = vm::MapType::PercpuArray,
         .key_bytes = 4,
         .value_bytes = 12,
         .entries_max = 40},
        3);
}

TEST_F(MapsAgainstKernel, AgreesOnHashes) {
    for (const uint32_t key_bytes : {4u, 8u, 13u, 16u, 40u}) {
        run({.name = "h",
             .type = vm::MapType::Hash,
             .key_bytes = key_bytes,
             .value_bytes = 20,
             .entries_max = 60},
            key_bytes, 50'000);
    }
    run({.name = "h",
         .type = vm::MapType::Hash,
         .key_bytes = 4,
         .value_bytes = 5,
         .entries_max = 1},
        7, 20'000);
}

TEST_F(MapsAgainstKernel, AgreesOnHashesWithoutPreallocation) {
    run({.name = "h",
         .type = vm::MapType::Hash,
         .key_bytes = 6,
         .value_bytes = 8,
         .entries_max = 50,
         .flags = vm::kMapNoPrealloc},
        8);
}

TEST_F(MapsAgainstKernel, AgreesOnPercpuHashes) {
    run({.name = "h",
         .type = vm::MapType::PercpuHash,
         .key_bytes = 8,
         .value_bytes = 12,
         .entries_max = 60},
        9);
}

TEST_F(MapsAgainstKernel, AgreesOnTriesOfEverySizeAndOrder) {
    for (const uint32_t key_bytes : {5u, 8u, 11u, 12u, 20u, 29u, 260u}) {
        run({.name = "l",
             .type = vm::MapType::LpmTrie,
             .key_bytes = key_bytes,
             .value_bytes = 12,
             .entries_max = 70,
             .flags = vm::kMapNoPrealloc},
            key_bytes, 60'000);
    }
}

TEST_F(MapsAgainstKernel, AgreesOnWhoLeavesAFullLruHash) {
    for (const uint32_t entries : {1u, 3u, 16u, 60u, 700u}) {
        run({.name = "l",
             .type = vm::MapType::LruHash,
             .key_bytes = 8,
             .value_bytes = 12,
             .entries_max = entries},
            entries, 60'000);
    }
}

TEST_F(MapsAgainstKernel, AgreesOnLruHashesWithListsPerCpu) {
    for (const uint32_t entries : {1u, 5u, 40u}) {
        run({.name = "l",
             .type = vm::MapType::LruHash,
             .key_bytes = 4,
             .value_bytes = 8,
             .entries_max = entries,
             .flags = kNoCommonLru},
            entries, 40'000);
    }
}

TEST_F(MapsAgainstKernel, AgreesOnPercpuLruHashes) {
    for (const uint32_t flags : {0u, kNoCommonLru}) {
        run({.name = "l",
             .type = vm::MapType::LruPercpuHash,
             .key_bytes = 4,
             .value_bytes = 12,
             .entries_max = 50,
             .flags = flags},
            12, 60'000);
    }
}

}  // namespace
}  // namespace weir::tests
