#pragma once
// What one run of the instrumented interpreter did, instruction by instruction, to be walked
// backwards. A run that makes a tail call is recorded up to there.

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "vm/interp/interp.h"
#include "vm/interp/memory_model.h"
#include "vm/isa/insn.h"

namespace weir::tests {

/// A frame of the run, from its first instruction on.
struct TraceFrame {
    uint32_t parent = 0;     ///< index of the caller's frame; the first frame is its own
    uint32_t depth = 0;      ///< frames below it
    uint32_t entry = 0;      ///< slot of its function
    uint32_t call_step = 0;  ///< the step at which its caller called, or called a helper that did
    uint32_t first_step = 0;
};

struct TraceStep {
    uint32_t insn = 0;
    uint32_t frame = 0;  ///< index into RunTrace::frames
    uint16_t initialised = 0;
    uint32_t undo_end = 0;  ///< changes of the stack that come before this instruction
    std::array<uint64_t, vm::kRegisterCount> registers;
    uint64_t data = 0, data_end = 0, data_meta = 0;
};

/// Eight bytes of stack before an instruction changed them.
struct StackUndo {
    uint32_t word = 0;  ///< of RunTrace::stack
    uint64_t before = 0;
};

constexpr size_t kTraceStepsMax = 100'000;

/// `stack` holds 512 bytes per frame, frame by frame, each from its lowest address on.
struct RunTrace {
    std::vector<TraceStep> steps;
    std::vector<TraceFrame> frames;
    std::vector<StackUndo> undo;
    std::vector<uint8_t> stack;  ///< after the last step
    uint64_t frame_top = 0;      ///< where r10 of the first frame points
    /// Whatever helpers gave to the program, by address and map: keys of different maps are shown
    /// in one place.
    std::map<std::pair<uint64_t, const vm::Map*>, vm::Region> regions;
    bool cut = false;  ///< it went on after the last step

    uint32_t depth_at(size_t step) const { return frames[steps[step].frame].depth; }
    /// Where r10 of the frame at this depth points.
    uint64_t frame_pointer(uint32_t depth) const {
        return frame_top - uint64_t{depth} * kStackBytes;
    }
};

class TraceRecorder : public vm::RunWatcher {
public:
    /// `packet`, as the run has it, outlives the recorder.
    TraceRecorder(const std::vector<vm::DecodedSlot>& code, const vm::XdpContext& packet)
        : code_(code), packet_(packet) {}

    void step(const vm::RunStep& step) override;
    /// After the run.
    RunTrace finish() { return std::move(trace_); }

private:
    bool is_tail_called(const vm::RunStep& step) const;
    bool enter_frame(const vm::RunStep& step);
    void note_stack(const vm::RunStep& step);
    void note_regions(const vm::RunStep& step);
    const vm::DecodedInsn& last_insn() const { return code_[trace_.steps.back().insn].insn; }

    const std::vector<vm::DecodedSlot>& code_;
    const vm::XdpContext& packet_;
    uint32_t frame_ = 0;  ///< the innermost one
    RunTrace trace_;
};

}  // namespace weir::tests
