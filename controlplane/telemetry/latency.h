#pragma once
// What the workers' latency histograms say.

#include <cstdint>
#include <span>

namespace weir::controlplane {

/// `counts[i]`: packets that took 2^i up to 2^(i+1) ns. The bound in ns below which `share` (0 to
/// 1) of them stayed: an end of a bucket, so at most twice the truth. 0: there are none.
uint64_t latency_ns_at(std::span<const uint64_t> counts, double share);

/// About what all of them took together, in seconds.
double latency_sum_seconds(std::span<const uint64_t> counts);

}  // namespace weir::controlplane
