#pragma once
// The border between running code and what it calls. Interpreter and machine code share it.

#include <array>
#include <cstdint>

#include "vm/isa/helper_info.h"
#include "vm/program/context.h"

namespace weir::vm {

/// State of the core that runs a program; one per worker, never shared. Helpers get it as their
/// sixth argument.
struct RunEnv {
    uint32_t cpu =
        0;  ///< index of the worker: bpf_get_smp_processor_id, and the slot in per-CPU maps
    uint32_t numa_node = 0;
    uint64_t prandom_state = 0x9E3779B97F4A7C15u;  ///< never 0
    uint32_t redirect_ifindex =
        0;  ///< written by bpf_redirect; read after XDP_REDIRECT. The runner zeroes it before a run
    uint64_t aborted_insn = 0;
    uint64_t printk_count = 0;
    /// trace_printk's sink: whole line, no newline. nullptr drops it (the packet path logs
    /// nothing).
    void (*printk)(void* opaque, const char* text, uint32_t length) = nullptr;
    void* printk_opaque = nullptr;
};

/// Code behind a helper: r1..r5 and the environment, result in r0.
/// Pointers arrive as numbers; the verifier has proven what they point to. A Map argument is a
/// vm::Map*.
using HelperFn = uint64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&);

/// Helper id -> code. vm/helpers fills in those that need no map, maps/ the others.
struct HelperTable {
    std::array<HelperFn, kHelperIdMax + 1> functions{};

    HelperFn at(int64_t id) const {
        return id >= 0 && id <= kHelperIdMax ? functions[static_cast<size_t>(id)] : nullptr;
    }
};

}  // namespace weir::vm
