#pragma once
// Sides that do the same take turns, so that what slows the machine slows all of them.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "perf/micro/jit/measurements.h"

namespace weir::perf {

struct Contestant {
    const char* column;
    /// `passes` times over kFrameCount packets: nanoseconds per packet.
    std::function<double(uint32_t passes)> time;
};

struct Pace {
    uint32_t rounds;  ///< each side once in each
    double turn_ns;   ///< of one side
};

/// Who begins changes from round to round.
void run_rounds(Measurements& into, const std::string& row,
                const std::vector<Contestant>& contestants, const Pace& pace);

}  // namespace weir::perf
