#pragma once
// One pass over the program before code comes out: what each function uses, and where jumps land.

#include <cstdint>
#include <vector>

#include "jit/compile_input.h"
#include "jit/liveness.h"

namespace weir::jit {

struct FunctionFacts {
    uint32_t begin = 0, end = 0;  ///< slots [begin, end)
    uint32_t stack_bytes = 0;     ///< multiple of 8
    bool uses_frame = false;      ///< names r10
    bool makes_calls = false;
    bool is_callback = false;    ///< its address is taken
    uint16_t saved_written = 0;  ///< bit i: writes eBPF register i, of r6..r9
};

struct Analysis {
    std::vector<FunctionFacts> functions;
    static constexpr uint8_t kLands = 1, kLandsFromBelow = 2;
    std::vector<uint8_t> jump_targets;  ///< per slot: which of these jumps land, 0: none
    std::vector<uint8_t> resumptions;   ///< per slot: 1 where an overlapped burst goes on
    Liveness liveness;
    bool needs_env = false;            ///< calls helpers
    bool may_redirect = false;         ///< calls what may write RunEnv::redirect_ifindex
    bool may_redirect_by_map = false;  ///< the same of RunEnv::redirect_to
    bool tail_calls = false, takes_may_gotos = false;  ///< counted in RunEnv over each run

    /// A run's state lies in RunEnv: no other run may begin there before it has ended.
    bool counts_in_env() const { return tail_calls || takes_may_gotos; }
    /// Something else than the code in front leads to the code of this slot.
    bool is_jump_target(size_t slot) const { return joins_paths(slot) || resumptions[slot] != 0; }
    /// Paths of the program may meet here, so that what is known in front need not hold. (A packet
    /// that goes on here came here from the front, too.)
    bool joins_paths(size_t slot) const { return jump_targets[slot] != 0; }
    bool heads_loop(size_t slot) const { return (jump_targets[slot] & kLandsFromBelow) != 0; }
    /// Function that begins at `slot`.
    size_t function_at(uint32_t slot) const;
};

/// Refuses (kUnsupported) what has no machine code: kfuncs, legacy packet loads, unresolved
/// addresses, jumps between functions, functions that run into the next one, calls of the program
/// itself.
Result<Analysis> analyse(const CompileInput& input);

}  // namespace weir::jit
