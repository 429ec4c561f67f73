#pragma once
// Frames of the time when nothing is filtered, and of how long swaps take.

#include <cstdint>

namespace weir::dataplane::api {

/// Nobody has to come back to end it sooner than this.
constexpr uint64_t kBypassMsMax = 24ull * 3600 * 1000;

/// BYPASS: every port forwards as its `pass` says, without chains, for so long from now on. A
/// publish in between does not end it; a restart does.
struct BypassRequest {
    bool change = false;       ///< false: only asks
    uint64_t duration_ms = 0;  ///< at most kBypassMsMax; 0 ends it
};
struct BypassState {
    uint64_t left_ms = 0;  ///< 0: it is off
};

/// Reply to SWAP_TIMES: from a generation's publication to the last worker's coming over, of the
/// generations since the start.
struct SwapTimes {
    uint64_t count = 0;
    uint64_t p50_ns = 0, p99_ns = 0;  ///< within an eighth above
    uint64_t max_ns = 0;              ///< exact
};

}  // namespace weir::dataplane::api
