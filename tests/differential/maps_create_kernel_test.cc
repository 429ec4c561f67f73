// Which maps can be created: what one of both accepts, the other does too.

#include <cstring>

#include "maps/maps.h"
#include "tests/differential/kernel_map_calls.h"

namespace weir::tests {
namespace {

using vm::MapType;

class CreateAgainstKernel : public ::testing::Test {
protected:
    void SetUp() override {
        if (!kernel_answers()) GTEST_SKIP() << kKernelMissing;
    }

    void compare(const vm::MapSpec& spec) {
        const Fd in_kernel(create_in_kernel(spec));
        const auto own = maps::create_map(spec, kernel_cpus());
        ++(own ? accepted_ : refused_);
        EXPECT_EQ(in_kernel.get() >= 0, own.has_value())
            << vm::map_type_name(spec.type) << " key " << spec.key_bytes << " value "
            << spec.value_bytes << " entries " << spec.entries_max << " flags " << spec.flags
            << " extra " << spec.extra << ": kernel " << in_kernel.get() << ", here "
            << (own ? "" : own.error().message);
    }

    struct Grid {
        std::vector<uint32_t> keys, values, entries, flags;
    };
    void compare_all(MapType type, const Grid& grid,
                     const std::shared_ptr<const vm::MapSpec>& inner = nullptr) {
        for (const uint32_t key_bytes : grid.keys)
            for (const uint32_t value_bytes : grid.values)
                for (const uint32_t entries : grid.entries)
                    for (const uint32_t flags : grid.flags)
                        compare({.name = "x",
                                 .type = type,
                                 .key_bytes = key_bytes,
                                 .value_bytes = value_bytes,
                                 .entries_max = entries,
                                 .flags = flags,
                                 .inner = inner});
    }

    uint32_t accepted_ = 0, refused_ = 0;
};

/// Each flag alone, and pairs that contradict or complete each other. Not 32 and 512, which mean
/// other things (BPF_F_STACK_BUILD_ID, BPF_F_CLONE) and are refused everywhere.
const std::vector<uint32_t> kFlags = {0,   1,   2,   4,    8,    16,   24,   32,    64, 128,
                                      256, 384, 512, 1024, 2048, 4096, 8192, 16384, 65, 129,
                                      5,   3,   66,  130,  1032, 4104, 2056, 12,    68};

TEST_F(CreateAgainstKernel, AgreesOnElements) {
    const CreateAgainstKernel::Grid grid = {
        {0, 1, 4, 5, 8, 260, 261, 512}, {0, 1, 8, 32768, 32769}, {0, 1, 3}, kFlags};
    for (const MapType type : {MapType::Array, MapType::PercpuArray, MapType::Hash,
                               MapType::PercpuHash, MapType::LpmTrie})
        compare_all(type, grid);
    EXPECT_GT(accepted_, 100u);
    EXPECT_GT(refused_, 100u);
}

TEST_F(CreateAgainstKernel, AgreesOnLruKinds) {
    for (const MapType type : {MapType::LruHash, MapType::LruPercpuHash})
        compare_all(type, {{0, 1, 4, 8, 512}, {0, 1, 8, 32768, 32769}, {0, 1, 3}, kFlags});
    EXPECT_GT(accepted_, 100u);
}

TEST_F(CreateAgainstKernel, AgreesOnTargetsOfRedirects) {
    for (const MapType type :
         {MapType::Devmap, MapType::DevmapHash, MapType::Cpumap, MapType::Xskmap})
        compare_all(type, {{0, 1, 4, 8}, {0, 1, 4, 5, 8, 12}, {0, 1, 100, 256}, kFlags});
    EXPECT_GT(accepted_, 50u);
}

TEST_F(CreateAgainstKernel, AgreesOnArraysOfDescriptors) {
    for (const MapType type : {MapType::ProgArray, MapType::PerfEventArray})
        compare_all(type, {{0, 1, 4, 8}, {0, 1, 4, 8}, {0, 1, 3}, kFlags});
    EXPECT_GT(accepted_, 10u);
}

TEST_F(CreateAgainstKernel, AgreesOnQueuesAndFilters) {
    for (const MapType type : {MapType::Queue, MapType::Stack, MapType::BloomFilter})
        compare_all(type, {{0, 1, 4}, {0, 1, 7, 40000}, {0, 1, 3, 1000}, kFlags});
    for (const uint64_t extra : {0u, 1u, 5u, 15u, 16u, 1000u})
        for (const MapType type : {MapType::BloomFilter, MapType::Queue, MapType::Hash})
            compare({.name = "x",
                     .type = type,
                     .key_bytes = type == MapType::Hash ? 4u : 0u,
                     .value_bytes = 4,
                     .entries_max = 10,
                     .extra = extra});
    EXPECT_GT(accepted_, 50u);
}

TEST_F(CreateAgainstKernel, AgreesOnRingBuffers) {
    compare_all(MapType::Ringbuf,
                {{0, 4}, {0, 4}, {0, 1, 2048, 4096, 8192, 12288, 4097, 1u << 20}, kFlags});
    EXPECT_EQ(accepted_, 6u) << "three sizes, with and without a NUMA node";
}

std::shared_ptr<const vm::MapSpec> inner_of(MapType type) {
    auto spec = std::make_shared<vm::MapSpec>();
    *spec = {.name = "i", .type = type, .key_bytes = 4, .value_bytes = 4, .entries_max = 2};
    if (type == MapType::LpmTrie) spec->key_bytes = 8, spec->flags = vm::kMapNoPrealloc;
    if (type == MapType::Queue || type == MapType::Stack || type == MapType::BloomFilter)
        spec->key_bytes = 0;
    if (type == MapType::Ringbuf) spec->key_bytes = spec->value_bytes = 0, spec->entries_max = 4096;
    if (vm::is_map_in_map(type)) spec->inner = inner_of(MapType::Array);
    return spec;
}

TEST_F(CreateAgainstKernel, AgreesOnMapsOfMaps) {
    for (const MapType type : {MapType::ArrayOfMaps, MapType::HashOfMaps}) {
        compare_all(type, {{0, 1, 4, 8}, {0, 1, 4, 8}, {0, 1, 3}, kFlags},
                    inner_of(MapType::Array));
        compare_all(type, {{4}, {4}, {1}, {0}});
    }
    EXPECT_GT(accepted_, 20u);
}

TEST_F(CreateAgainstKernel, AgreesOnWhatMayStandInAMap) {
    for (const MapType inner :
         {MapType::Hash, MapType::Array, MapType::ProgArray, MapType::PerfEventArray,
          MapType::PercpuHash, MapType::PercpuArray, MapType::LruHash, MapType::LruPercpuHash,
          MapType::LpmTrie, MapType::ArrayOfMaps, MapType::HashOfMaps, MapType::Devmap,
          MapType::Cpumap, MapType::Xskmap, MapType::Queue, MapType::Stack, MapType::DevmapHash,
          MapType::Ringbuf, MapType::BloomFilter}) {
        for (const MapType outer : {MapType::ArrayOfMaps, MapType::HashOfMaps})
            compare_all(outer, {{4}, {4}, {1}, {0}}, inner_of(inner));
    }
    EXPECT_EQ(refused_, 6u) << "prog_array and both maps of maps";
}

/// bpf_map_meta_equal and what kinds add to it.
TEST_F(CreateAgainstKernel, AgreesOnWhichMapsFitASlot) {
    std::vector<vm::MapSpec> candidates;
    for (const MapType type : {MapType::Array, MapType::Hash, MapType::PercpuArray, MapType::Devmap,
                               MapType::DevmapHash, MapType::Xskmap})
        for (const uint32_t entries : {2u, 3u})
            for (const uint32_t value_bytes : {4u, 8u})
                for (const uint32_t flags : {0u, 4u, 1u << 12, 8u})
                    candidates.push_back({.name = "c",
                                          .type = type,
                                          .key_bytes = 4,
                                          .value_bytes = value_bytes,
                                          .entries_max = entries,
                                          .flags = flags});
    std::erase_if(candidates,
                  [](const vm::MapSpec& spec) { return !maps::create_map(spec, 2).has_value(); });
    const uint8_t key[4] = {};
    uint32_t fit = 0;
    for (const vm::MapSpec& wanted : candidates) {
        const vm::MapSpec outer{.name = "o",
                                .type = MapType::ArrayOfMaps,
                                .key_bytes = 4,
                                .value_bytes = 4,
                                .entries_max = 1,
                                .inner = std::make_shared<vm::MapSpec>(wanted)};
        const Fd in_kernel(create_in_kernel(outer));
        const auto own = maps::create_map(outer, 2).value();
        for (const vm::MapSpec& candidate : candidates) {
            const Fd inner(create_in_kernel(candidate));
            const int number = inner.get();
            const int expected = bpf_map_update_elem(in_kernel.get(), key, &number, 0);
            const auto own_inner = maps::create_map(candidate, 2).value();
            EXPECT_EQ(expected, own->bind_map(key, own_inner.get(), 1))
                << vm::map_type_name(wanted.type) << " flags " << wanted.flags << " / "
                << vm::map_type_name(candidate.type) << " flags " << candidate.flags;
            fit += expected == 0 ? 1 : 0;
        }
    }
    EXPECT_GT(fit, candidates.size()) << "some besides themselves";
}

}  // namespace
}  // namespace weir::tests
