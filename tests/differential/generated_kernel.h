#pragma once
// The same program and packets through the live kernel.

#include "tests/differential/generated_run.h"

namespace weir::tests {

/// Loads program and fresh maps with bpf(2) and runs each packet with BPF_PROG_TEST_RUN, all on one
/// CPU. Redirect targets stay 0: the kernel does not tell them. Errors carry the end of the
/// kernel's verifier log.
/// For programs that draw no random numbers.
Result<Outcome> run_packets_in_kernel(const vm::ProgramSpec& spec, const Traffic& traffic);

/// Empty where bpf(2) may be used; else why not.
std::string kernel_missing();

}  // namespace weir::tests
