#pragma once
// Entering and leaving a function of machine code.
//
//   higher addresses
//   | return address      |
//   | saved registers     |  those of rbp, rbx, r13, r14, r15, r12 that this function writes
//   +---------------------+ <- rbp = eBPF's r10
//   | eBPF stack          |  as many bytes as the verifier saw in use
//   | slots               |  of the burst loop, where registers ran out
//   | padding             |  so that rsp is a multiple of 16 at calls
//   +---------------------+ <- rsp; leaf functions leave it above and use the red zone

#include <cstdint>
#include <vector>

#include "jit/emission.h"

namespace weir::jit {

struct Frame {
    std::vector<Gp> saved;  ///< in the order of the pushes
    bool uses_pointer = false;
    uint32_t rsp_bytes = 0;  ///< subtracted from rsp after the pushes
};

/// `slot_bytes` lie at [rsp, rsp + slot_bytes) while the function runs.
Frame plan_frame(std::vector<Gp> saved, bool uses_pointer, uint32_t stack_bytes,
                 uint32_t slot_bytes, bool makes_calls);
void emit_enter(Emission& e, const Frame& frame);
/// From here on, `pushed` of the function's saved registers and `rsp_bytes` below them lie on the
/// stack: for unwinders.
void note_frame(Emission& e, size_t pushed, uint32_t rsp_bytes);
/// Behind the jump or return that follows a take-down, for the code that stands there.
void note_whole_frame(Emission& e, const Frame& frame);
/// rsp has moved down by `bytes` (up, if negative) inside the body.
void note_stack(Emission& e, int32_t bytes);
/// Restores everything; the return address is on top then.
void emit_take_down(Emission& e, const Frame& frame);
/// The same, and returns.
void emit_leave(Emission& e, const Frame& frame);
/// What is counted in RunEnv begins anew; `env` is its address.
void emit_begin_run(Emission& e, const Gp& env);

/// The saved registers that an eBPF function writes: of r6..r9, and the frame pointer.
std::vector<Gp> written_saved_registers(const FunctionFacts& function);

}  // namespace weir::jit
