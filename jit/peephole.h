#pragma once
// Groups of eBPF instructions that fewer x86 instructions do. Each rule looks at the straight code
// from one slot on, and either emits code for the first few instructions of it and says how many,
// or leaves everything alone and says 0.

#include "jit/emission.h"

namespace weir::jit {

/// The straight code from a slot on.
class Window {
public:
    Window(const Emission& e, size_t slot) : e_(e), slot_(slot) {}

    /// The n-th instruction, or nullptr where the code is not straight up to there: behind the
    /// function's end, where a jump lands, where no run gets to, behind a constant of two slots.
    /// To be asked in the order of n.
    const vm::DecodedInsn* at(size_t n) const {
        const size_t slot = slot_ + n;
        if (n == 0) return &e_.input.slots[slot].insn;
        if (slot >= e_.body.function->end || e_.analysis.is_jump_target(slot)) return nullptr;
        return e_.input.reachable(slot) ? &e_.input.slots[slot].insn : nullptr;
    }
    /// Nobody reads the register behind the n-th instruction.
    bool is_dead_after(size_t n, uint8_t reg) const {
        return e_.analysis.liveness.is_dead_after(slot_ + n, reg);
    }
    RegisterSet live_after(size_t n) const { return e_.analysis.liveness.after(slot_ + n); }
    size_t slot() const { return slot_; }

private:
    const Emission& e_;
    size_t slot_;
};

// fold_move.cc: what begins with a move or a shift
/// A copy and an addition, a mask or a pair of shifts that cuts or extends; a shift and an
/// addition; a constant that is only stored.
size_t fold_move(Emission& e, const Window& w);
size_t fold_shift(Emission& e, const Window& w);

// fold_address.cc
/// A load from the sum of two registers, where that is all that the sum was for.
size_t fold_address(Emission& e, const Window& w);

// fold_rotate.cc
/// Shifts of one value in both directions, put together by or.
size_t fold_rotate(Emission& e, const Window& w);

// fold_bytes.cc
/// Neighbouring bytes, loaded one by one and put together by shift and or: how compilers read
/// fields that may be unaligned.
size_t fold_bytes(Emission& e, const Window& w);

// fold_memory.cc
/// A load and a change of byte order.
size_t fold_swapped_load(Emission& e, const Window& w);
/// A load whose value only one arithmetic instruction takes, and where that goes back to the same
/// place, the store as well.
size_t fold_operand(Emission& e, const Window& w);

// fold_compare.cc
/// A mask whose result is compared with 0.
size_t fold_compare(Emission& e, const Window& w);

}  // namespace weir::jit
