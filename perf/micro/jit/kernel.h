#pragma once
// The live kernel: the same object, run by BPF_PROG_TEST_RUN.

#include <string>

#include "perf/micro/jit/sides.h"

namespace weir::perf {

/// Adds it, and what its test loop takes with the program that returns a constant. Where the kernel
/// cannot be asked (not root) nothing, and the reason is in kernel_missing().
void add_kernel(Lineup& lineup, const std::string& program);
/// "", or why there is no kernel here.
const std::string& kernel_missing();

}  // namespace weir::perf
