#pragma once
// The ten programs on every side that this machine has.

#include <vector>

#include "perf/micro/jit/contest.h"
#include "perf/micro/jit/measurements.h"
#include "perf/micro/jit/plot.h"
#include "perf/micro/jit/report.h"

namespace weir::perf {

/// Row: a program; column: a side; nanoseconds per packet.
Measurements measure_programs(const Pace& pace);
std::vector<Table> programs_tables(const Measurements& measured);
Panel programs_panel(const Measurements& measured);

}  // namespace weir::perf
