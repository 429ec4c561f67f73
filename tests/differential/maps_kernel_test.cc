// The live kernel as the oracle: the same sequence of operations through bpf(2) and through our
// control side.

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include "maps/maps.h"
#include "tests/support/map_sequences.h"

namespace weir {
namespace {

using testing::ControlSide;

class KernelControlSide final : public ControlSide {
public:
    KernelControlSide(int map, uint32_t key_bytes, uint32_t value_bytes)
        : map_(map), key_bytes_(key_bytes), value_bytes_(value_bytes) {}
    ~KernelControlSide() override { close(map_); }
    KernelControlSide(const KernelControlSide&) = delete;
    KernelControlSide& operator=(const KernelControlSide&) = delete;

    int lookup(const Bytes& key, Bytes& value) override {
        value.assign(value_bytes_, 0);
        return bpf_map_lookup_elem(map_, key.data(), value.data());
    }
    int update(const Bytes& key, const Bytes& value, uint64_t flags) override {
        return bpf_map_update_elem(map_, key.data(), value.data(), flags);
    }
    int erase(const Bytes& key) override { return bpf_map_delete_elem(map_, key.data()); }
    int next_key(const Bytes* key, Bytes& next) override {
        next.assign(key_bytes_, 0);
        return bpf_map_get_next_key(map_, key != nullptr ? key->data() : nullptr, next.data());
    }

private:
    int map_;
    uint32_t key_bytes_;
    uint32_t value_bytes_;
};

int create_in_kernel(const vm::MapSpec& spec) {
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = spec.flags;
    return bpf_map_create(static_cast<bpf_map_type>(spec.type), spec.name.c_str(), spec.key_bytes,
                          spec.value_bytes, spec.entries_max, &options);
}

bool kernel_answers() {
    const int map =
        create_in_kernel({.name = "probe", .key_bytes = 4, .value_bytes = 4, .entries_max = 1});
    if (map >= 0) close(map);
    return map >= 0;
}

class MapsAgainstKernel : public ::testing::Test {
protected:
    void SetUp() override {
        libbpf_set_print(nullptr);
        if (!kernel_answers()) GTEST_SKIP() << "bpf(BPF_MAP_CREATE) is refused: needs root";
    }

    static void run(const vm::MapSpec& spec, uint64_t seed, uint32_t operations = 100'000) {
        const int in_kernel = create_in_kernel(spec);
        ASSERT_GE(in_kernel, 0) << strerror(-in_kernel);
        auto own = maps::create_map(spec, static_cast<uint32_t>(libbpf_num_possible_cpus()));
        ASSERT_TRUE(own.has_value()) << own.error().message;
        const uint32_t value_bytes = (*own)->control_value_bytes();
        KernelControlSide reference(in_kernel, spec.key_bytes, value_bytes);
        testing::WeirControlSide tested(**own);
        const bool same_order =
            spec.type != vm::MapType::Hash && spec.type != vm::MapType::PercpuHash;
        testing::expect_same_sequence(spec,
                                      {.seed = seed,
                                       .operations = operations,
                                       .control_value_bytes = value_bytes,
                                       .same_order = same_order,
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

/// What one of both accepts, the other does too.
TEST_F(MapsAgainstKernel, AgreesOnWhatCannotBeCreated) {
    const vm::MapType kinds[] = {vm::MapType::Array, vm::MapType::PercpuArray, vm::MapType::Hash,
                                 vm::MapType::PercpuHash, vm::MapType::LpmTrie};
    const uint32_t key_sizes[] = {0, 1, 4, 5, 8, 260, 261, 512};
    const uint32_t value_sizes[] = {0, 1, 8, 32768, 32769};
    const uint32_t flag_sets[] = {0,   1,   2,   4,    8,    16,   24,     32,      64,   128,
                                  256, 384, 512, 1024, 2048, 4096, 1 | 64, 1 | 128, 1 | 4};
    uint32_t accepted = 0;
    for (const vm::MapType kind : kinds) {
        for (const uint32_t key_bytes : key_sizes) {
            for (const uint32_t value_bytes : value_sizes) {
                for (const uint32_t flags : flag_sets) {
                    for (const uint32_t entries_max : {0u, 1u, 3u}) {
                        const vm::MapSpec spec{.name = "x",
                                               .type = kind,
                                               .key_bytes = key_bytes,
                                               .value_bytes = value_bytes,
                                               .entries_max = entries_max,
                                               .flags = flags};
                        const int in_kernel = create_in_kernel(spec);
                        if (in_kernel >= 0) close(in_kernel);
                        const bool ours = maps::create_map(spec, 2).has_value();
                        accepted += ours ? 1 : 0;
                        EXPECT_EQ(in_kernel >= 0, ours)
                            << vm::map_type_name(kind) << " key " << key_bytes << " value "
                            << value_bytes << " entries " << entries_max << " flags " << flags
                            << ": kernel " << in_kernel;
                    }
                }
            }
        }
    }
    EXPECT_GT(accepted, 100u);
}

}  // namespace
}  // namespace weir
