#pragma once
// DPDK's own JIT (rte_bpf).

#include <string>

#include "perf/micro/jit/sides.h"

namespace weir::perf {

/// Adds it where DPDK runs the program. It has no maps and no XDP, so that programs get the packet
/// and are spared the comparison with its end; it refuses loops, and does not come to an end with a
/// row of 32 rules.
void add_dpdk(Lineup& lineup, const std::string& program);

}  // namespace weir::perf
