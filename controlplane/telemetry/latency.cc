#include "controlplane/telemetry/latency.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace weir::controlplane {

uint64_t latency_ns_at(std::span<const uint64_t> counts, double share) {
    const uint64_t all = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
    if (all == 0) return 0;
    const auto wanted =
        std::max(uint64_t{1}, static_cast<uint64_t>(std::ceil(static_cast<double>(all) * share)));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
        seen += counts[i];
        if (seen >= wanted) return uint64_t{2} << std::min<size_t>(i, 62);
    }
    return 0;
}

double latency_sum_seconds(std::span<const uint64_t> counts) {
    double sum_ns = 0;
    for (size_t i = 0; i < counts.size(); ++i)
        sum_ns += static_cast<double>(counts[i]) * 1.5 * std::exp2(static_cast<double>(i));
    return sum_ns / 1e9;
}

}  // namespace weir::controlplane
