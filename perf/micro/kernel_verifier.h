#pragma once
// The live kernel's verifier, timed: BPF_PROG_LOAD of what libbpf has relocated, again and again.

#include <cstdint>
#include <string>
#include <vector>

#include "vm/base/result.h"

namespace weir::perf {

struct KernelVerification {
    std::string program;
    bool accepted = false;
    std::string reason;  ///< last line of the log, where rejected
    uint64_t processed_insns = 0, states_peak = 0;
    /// A run each: processor time of the system call, with translation and publication,
    std::vector<double> load_ns;
    /// and of it what the verifier says it took, which is by the clock on the wall.
    std::vector<double> verify_ns;
};

/// Loads each XDP and socket program of the object until `runs` runs are done or, after the third,
/// until `seconds_max` have passed. Needs root. Programs that libbpf cannot link are left out.
Result<std::vector<KernelVerification>> verify_in_kernel(const std::string& object, size_t runs,
                                                         double seconds_max);

}  // namespace weir::perf
