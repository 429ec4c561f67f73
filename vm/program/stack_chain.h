#pragma once
// The stack of a call chain, counted as Linux counts it for programs that its JIT compiles
// (check_max_stack_depth_subprog and round_up_stack_depth, kernel/bpf/verifier.c): what a function
// uses below r10, rounded up, summed from the program to the function that runs. Sockets' and
// devices' programs have no private stacks there. Since 6.12 Linux leaves out the slots that
// bpf_fastcall patterns (clang 20 and later) spill to; here they count.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vm/base/limits.h"

namespace weir::vm {

constexpr uint32_t kStackFrameStep = 16;
constexpr uint32_t kStackChainBytesMax = kStackBytes;

constexpr uint32_t counted_stack(uint32_t bytes) {
    return (bytes + kStackFrameStep - 1) / kStackFrameStep * kStackFrameStep;
}

struct ChainFrame {
    std::string_view function;
    uint32_t stack_bytes = 0;  ///< what it uses, not rounded; at most kStackBytes
};

/// One line with every frame of a chain that needs more than kStackChainBytesMax, outermost first;
/// nullopt: it fits.
std::optional<std::string> stack_chain_refusal(std::span<const ChainFrame> chain);

}  // namespace weir::vm
