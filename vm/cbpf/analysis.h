#pragma once
// What conversion knows of a classic program before it writes the first instruction. Jumps go
// forward only, so that one pass over the program answers each question.

#include <cstdint>
#include <vector>

#include "vm/cbpf/check.h"

namespace weir::vm::cbpf {

/// A program sees this much of a packet, as in the kernel (MAX_PACKET_OFF): more cannot be proven
/// to exist.
constexpr uint32_t kReachBytes = 0xffff;

/// What holds in front of an instruction.
struct Facts {
    bool reachable = false;
    bool merge = false;          ///< more than one way leads here
    bool always_zero = false;    ///< whatever the packet, 0 is returned from here
    bool reads_a = false;        ///< A may be read before it is written
    bool reads_x = false;        ///< and X
    uint32_t needs_bytes = 0;    ///< a shorter packet returns 0 from here
    uint32_t needs_x_bytes = 0;  ///< so does one with fewer bytes from X on, with the X of here
};

/// One entry per instruction, and one more for what follows the last. Facts other than
/// `reachable` mean nothing where it is false.
std::vector<Facts> analyse(const ClassicProgram& program);

/// Instructions on all paths together, each path walked by itself: the price of a proof that
/// explores path by path. At most `most`.
uint64_t path_insns(const ClassicProgram& program, uint64_t most);

/// Where control goes from `pc`, for both ways out of a branch; equal where there is one way.
/// `pc` is no return.
struct Targets {
    size_t when_true = 0, when_false = 0;
};
Targets targets_of(const ClassicInsn& insn, Form form, size_t pc);

}  // namespace weir::vm::cbpf
