#pragma once
// What the rest of a run still reads of its registers and stack, found by walking its trace
// backwards: exact for this run, since addresses and branches are known. Beside that, what is
// vital: what flows into an address, a size, or a branch that the verifier took for decided.

#include <bitset>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tests/support/run_trace.h"

namespace weir::tests {

struct FrameNeeds {
    uint16_t live = 0, vital = 0;                      ///< registers, bit i: ri
    std::bitset<kStackBytes> live_bytes, vital_bytes;  ///< from the frame's lowest address on
};

/// Where a trace stands before one of its steps.
struct TracePlace {
    size_t step;
    std::span<const FrameNeeds> needs;  ///< by depth
    std::span<const uint8_t> stack;     ///< as RunTrace::stack
};

/// Bytes of one frame, from its lowest address on.
struct StackBytes {
    uint32_t depth = 0, first = 0, count = 0;  ///< count 0: not on the stack
};

/// What the verifier made of a step.
class Reliance {
public:
    virtual ~Reliance() = default;
    /// It decided the branch, so that its operands are vital.
    virtual bool is_decided(size_t step) const = 0;
    /// It knew what the load gives, so that what was stored is as vital as what is loaded.
    virtual bool knows_loaded(size_t step, const StackBytes& bytes) const = 0;
};

class NeedsWalk {
public:
    using Visit = std::function<bool(const TracePlace&)>;

    NeedsWalk(const RunTrace& trace, const std::vector<vm::DecodedSlot>& code,
              const Reliance& reliance)
        : trace_(trace), code_(code), reliance_(reliance), stack_(trace.stack) {}

    /// From the last step to the first, until `visit` gives false.
    void run(const Visit& visit);

private:
    void undo_stack(size_t step);
    void before(size_t step);
    void before_exit(size_t step);
    void before_local_call();
    void before_outside_call(size_t step, const vm::DecodedInsn& insn);
    void before_plain(size_t step, const vm::DecodedInsn& insn);
    void before_memory(size_t step, const vm::DecodedInsn& insn);
    void take_argument(size_t step, const vm::DecodedInsn& insn, size_t index);

    FrameNeeds& top() { return needs_.back(); }
    const TraceStep& at(size_t step) const { return trace_.steps[step]; }
    StackBytes bytes_at(uint64_t address, uint64_t count) const;
    void read_bytes(const StackBytes& bytes, bool vital);
    void write_bytes(const StackBytes& bytes);
    bool any_vital(const StackBytes& bytes) const;

    const RunTrace& trace_;
    const std::vector<vm::DecodedSlot>& code_;
    const Reliance& reliance_;
    std::vector<uint8_t> stack_;
    std::vector<FrameNeeds> needs_;
};

}  // namespace weir::tests
