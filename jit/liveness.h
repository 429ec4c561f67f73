#pragma once
// Which eBPF registers still matter at each slot: a backward dataflow over each function (Aho, Lam,
// Sethi, Ullman, Compilers, section 9.2.5). Registers that do not matter may hold anything.

#include <cstdint>
#include <span>
#include <vector>

#include "jit/compile_input.h"
#include "jit/register_use.h"

namespace weir::jit {

class Liveness {
public:
    Liveness() = default;
    /// `ends[i]` is where the i-th of input.functions ends. Its jumps stay inside.
    Liveness(const CompileInput& input, std::span<const uint32_t> ends);

    /// Registers whose value some path from before this slot's instruction reads, computations
    /// whose result nobody reads apart. 0 at slots that no path reaches. A function's callers rely
    /// on r0 at `exit`, and on r6..r10 being theirs, which is the frame's business and not counted.
    RegisterSet before(size_t slot) const { return before_[slot]; }
    /// The same, behind this slot's instruction.
    RegisterSet after(size_t slot) const { return after_[slot]; }

    bool is_dead_after(size_t slot, uint8_t bpf_register) const {
        return (after_[slot] & set_of(bpf_register)) == 0;
    }

private:
    std::vector<RegisterSet> before_, after_;
};

/// The slots that may run after this one: none after `exit`, one side only of a jump that the
/// verifier proved one-sided.
struct Successors {
    static constexpr uint32_t kNone = UINT32_MAX;
    uint32_t next = kNone;    ///< the slot behind
    uint32_t target = kNone;  ///< where a jump lands
};
Successors successors_of(const CompileInput& input, uint32_t slot);

}  // namespace weir::jit
