#pragma once
// Look-ups in tables that no cache holds, with and without other work around them.

#include <vector>

#include "perf/micro/jit/contest.h"
#include "perf/micro/jit/measurements.h"
#include "perf/micro/jit/plot.h"
#include "perf/micro/jit/report.h"

namespace weir::perf {

enum class TableSizes : uint8_t { Small, Large };

/// Row: a table and what is done around the look-up; nanoseconds per packet. DPDK takes part if it
/// was started.
Measurements measure_tables(const Pace& pace, TableSizes sizes, bool with_dpdk);
std::vector<Table> tables_tables(const Measurements& measured);
Panel tables_panel(const Measurements& measured);

}  // namespace weir::perf
