#pragma once
// DPDK for benchmarks: one core, no ports.

namespace weir::perf {

/// Starts EAL, with huge pages if 128 of 2 MiB are free, else with 512 MiB of 4 KiB pages. Once per
/// process; false where it does not start.
bool start_dpdk(const char* program);
bool dpdk_has_huge_pages();

}  // namespace weir::perf
