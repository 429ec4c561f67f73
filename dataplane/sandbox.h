#pragma once
// What the prover's processes give up before they look at a program: capabilities, descriptors,
// resources and, through seccomp(2), nearly all system calls. Linux only; x86-64 and AArch64.

#include <cstdint>

#include "vm/base/result.h"

namespace weir::dataplane {

/// For the process that forks one child per load. It may fork, wait, kill and talk over the
/// descriptors it has; every other system call fails with EPERM. Dies with its parent. Never
/// undone.
Result<void> enter_prover_sandbox();

struct ProofLimits {
    uint64_t memory_bytes = 0;  ///< address space
    uint64_t cpu_s = 0;         ///< processor time
};

/// For the child that proves. Keeps descriptor `reply_fd` alone (beside /dev/null at 0 to 2), may
/// write to it, take memory and end; any other system call kills it. Async-signal-safe but for the
/// memory that the filter takes.
Result<void> enter_proof_sandbox(int reply_fd, const ProofLimits& limits);

}  // namespace weir::dataplane
