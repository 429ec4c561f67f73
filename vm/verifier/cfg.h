#pragma once
// The program as a graph: which subprogram a slot belongs to, where paths may meet, who calls whom,
// and which registers are read later on.

#include <cstdint>
#include <expected>
#include <vector>

#include "vm/isa/insn.h"
#include "vm/program/spec.h"
#include "vm/verifier/fault.h"

namespace weir::vm::verifier {

/// What a slot is to the walk; a slot may be several.
struct SlotRole {
    bool meets = false;  ///< paths may meet here, so states are compared
    bool heads_loop = false;
    bool jumps_back = false;  ///< its jump leads to the head of a loop that it is in
    bool runs_back = false;   ///< the same of the instruction behind it
    bool in_loop = false;     ///< lies between a loop's head and what leads back to it
};

struct Cfg {
    std::vector<uint32_t> subprogram_of;  ///< per slot
    std::vector<SlotRole> roles;          ///< per slot
    /// Per slot that heads a loop: first and last slot of its head and of what leads back to it.
    std::vector<uint32_t> loop_begin, loop_end;
    std::vector<uint16_t>
        live;  ///< per slot: registers that some path from here on reads, bit per register
    /// Per subprogram: longest call chain from it, itself included.
    std::vector<uint32_t> depth;
    /// Per subprogram: which it calls, with duplicates; callbacks are not among them.
    std::vector<std::vector<uint32_t>> calls;

    /// Index of the subprogram that starts at `slot`; the decoder of calls has checked that there
    /// is one.
    uint32_t subprogram_at(uint32_t slot) const { return subprogram_of[slot]; }
};

/// Refuses jumps out of a subprogram, calls into the middle of one, ends without exit, recursion
/// and call chains above kCallDepthMax.
std::expected<Cfg, Fault> build_cfg(const ProgramSpec& program,
                                    const std::vector<DecodedSlot>& slots);

/// Registers that an instruction reads and writes; calls count as reading all their arguments.
struct RegUse {
    uint16_t reads = 0;
    uint16_t writes = 0;
};
RegUse register_use(const DecodedInsn& insn);

}  // namespace weir::vm::verifier
