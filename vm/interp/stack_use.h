#pragma once
// How far below r10 a run reached into each of its open frames: loads, stores, and what helpers
// were handed. The kernel's verifier counts the same on every path that it walks (grow_stack_state,
// kernel/bpf/verifier.c), so what is counted of a run does not exceed it, but for one case: a
// callback counts below the function that calls the helper, in the kernel below the one that loads
// its address. Only a program that hands such an address from function to function tells them
// apart.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "vm/base/limits.h"
#include "vm/interp/machine.h"

namespace weir::vm {

class LoadedProgram;

class StackUse {
public:
    /// A frame of the function at `slot` begins; nothing in it was touched.
    void begin(uint32_t depth, uint32_t slot) { frames_[depth] = {slot, 0}; }

    /// `below` bytes of stack lie from the lowest byte touched to the end of the run's first frame:
    /// at least 1, within an open frame. A frame may reach into one above: that one's is counted.
    void touch(uint64_t below) {
        Frame& owner = frames_[(below - 1) / kStackBytes];
        const auto bytes = static_cast<uint32_t>((below - 1) % kStackBytes + 1);
        if (bytes <= owner.bytes) return;
        owner.bytes = bytes;
        grew_ = true;
    }
    /// Since it was asked last.
    bool grew() const { return grew_; }
    void seen() { grew_ = false; }

    /// Of the frames [first, end), each rounded up.
    uint32_t counted(uint32_t first, uint32_t end) const;
    /// nullopt: the chain of the frames [first, end) fits. They are all of `program`.
    std::optional<std::string> refusal(uint32_t first, uint32_t end,
                                       const LoadedProgram& program) const;

private:
    struct Frame {
        uint32_t slot = 0;   ///< where its function begins
        uint32_t bytes = 0;  ///< from r10 down to the lowest byte touched
    };
    std::array<Frame, kFramesMax> frames_{};
    bool grew_ = false;
};

}  // namespace weir::vm
