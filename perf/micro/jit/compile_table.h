#pragma once
// What compiling costs.

#include <vector>

#include "perf/micro/jit/contest.h"
#include "perf/micro/jit/measurements.h"
#include "perf/micro/jit/report.h"

namespace weir::perf {

/// Row: a program; microseconds, nanoseconds per instruction, bytes of code per instruction.
Measurements measure_compiler(uint32_t rounds);
std::vector<Table> compiler_tables(const Measurements& measured);

}  // namespace weir::perf
