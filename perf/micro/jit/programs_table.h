#pragma once
// The ten programs on every side that this machine has.

#include <cstdint>
#include <vector>

#include "perf/micro/jit/measurements.h"
#include "perf/micro/jit/report.h"

namespace weir::perf {

struct Pace {
    uint32_t rounds;  ///< each side once in each
    double turn_ns;   ///< of one side
};

/// Row: a program; column: a side; nanoseconds per packet.
Measurements measure_programs(const Pace& pace);
std::vector<Table> programs_tables(const Measurements& measured);

}  // namespace weir::perf
