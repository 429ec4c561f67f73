#pragma once
// How long swaps took: counts by power of two, each in eight steps, so that a percentile is known
// within an eighth. Control thread.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/api/bypass.h"

namespace weir::dataplane {

class SwapHistogram {
public:
    void add(uint64_t nanoseconds) {
        ++counts_[bucket_of(nanoseconds)];
        ++count_;
        max_ns_ = std::max(max_ns_, nanoseconds);
    }
    api::SwapTimes times() const {
        return {
            .count = count_, .p50_ns = percentile(50), .p99_ns = percentile(99), .max_ns = max_ns_};
    }

private:
    static constexpr uint32_t kSteps = 8, kStepBits = 3;

    /// Below kSteps one value a bucket; from then on the top kStepBits + 1 bits count.
    static uint32_t bucket_of(uint64_t value) {
        if (value < kSteps) return static_cast<uint32_t>(value);
        const auto shift = static_cast<uint32_t>(std::bit_width(value)) - kStepBits - 1;
        return (shift + 1) * kSteps + static_cast<uint32_t>(value >> shift) - kSteps;
    }
    /// The greatest value of a bucket.
    static uint64_t most_of(uint32_t bucket) {
        if (bucket < kSteps) return bucket;
        const uint32_t shift = bucket / kSteps - 1;
        return ((uint64_t{bucket % kSteps} + kSteps + 1) << shift) - 1;
    }
    uint64_t percentile(uint64_t percent) const {
        uint64_t seen = 0;
        for (uint32_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen != 0 && seen * 100 >= count_ * percent) return std::min(most_of(i), max_ns_);
        }
        return 0;
    }

    std::array<uint64_t, 64 * kSteps> counts_{};
    uint64_t count_ = 0, max_ns_ = 0;
};

}  // namespace weir::dataplane
