#pragma once
// One map in the live kernel and its like here, for tests that do the same to both.

#include <cstring>
#include <memory>
#include <set>
#include <string>

#include "maps/maps.h"
#include "tests/differential/kernel_map_calls.h"
#include "tests/support/environment.h"
#include "tests/support/map_sequences.h"

namespace weir::tests {

/// Keys that iteration met, sorted. As text: g++ 12 warns of lengths that cannot be where sets and
/// sorts compare vectors of bytes.
using KeyTexts = std::multiset<std::string>;
inline std::string text_of(const Bytes& key) {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

/// A test that is skipped where the kernel does not answer, and stays on one cpu.
class KernelPair : public ::testing::Test {
protected:
    void SetUp() override {
        if (!kernel_answers()) GTEST_SKIP() << kKernelMissing;
        stay_on_first_cpu();
    }

    void make(const vm::MapSpec& spec) {
        kernel_.reset();
        own_.reset();
        const int in_kernel = create_in_kernel(spec);
        ASSERT_GE(in_kernel, 0) << spec.name << ": " << strerror(-in_kernel);
        auto own = maps::create_map(spec, kernel_cpus());
        ASSERT_TRUE(own.has_value()) << own.error().message;
        own_ = std::move(*own);
        kernel_ = std::make_unique<KernelControlSide>(in_kernel, spec.key_bytes,
                                                      own_->control_value_bytes());
        own_side_ = std::make_unique<testing::WeirControlSide>(*own_);
    }
    testing::SequenceOptions sequence(uint64_t seed, uint32_t operations) const {
        return {.seed = seed + first_seed() - 1,
                .operations =
                    static_cast<uint32_t>(number_from_environment("WEIR_OPERATIONS", operations)),
                .control_value_bytes = own_->control_value_bytes(),
                .dump_every = operations / 10};
    }
    /// Control sides only.
    void run(const vm::MapSpec& spec, uint64_t seed, uint32_t operations) {
        ASSERT_NO_FATAL_FAILURE(make(spec));
        testing::expect_same_sequence(spec, sequence(seed, operations), *kernel_, *own_side_);
    }

    std::unique_ptr<KernelControlSide> kernel_;
    std::unique_ptr<vm::Map> own_;
    std::unique_ptr<testing::WeirControlSide> own_side_;
};

}  // namespace weir::tests
