#pragma once
// Everything that runs at one time: the chains of all ports. Immutable once published; published by
// one pointer store; freed after every worker has reported a quiescent state since.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jit/jit.h"
#include "vm/helpers/fib.h"

namespace weir::dataplane {

/// A program in service. `slot` numbers its counters in each worker's program counter table; a
/// program that goes on from one generation to the next keeps its slot, so that its counters go on
/// too.
struct ChainEntry {
    std::shared_ptr<const jit::CompiledProgram> program;
    uint32_t slot = 0;
    bool takes_segments = false;  ///< a program of xdp.frags
    bool keeps_frames = false;    ///< no run moves, grows or cuts the packet
};
/// An entry for a program in machine code or interpreted, with what its proof says of it.
ChainEntry make_entry(std::shared_ptr<const jit::CompiledProgram> program, uint32_t slot,
                      const vm::VerifiedProgram& verified);

struct PortChains {
    std::vector<ChainEntry> ingress;
    std::vector<ChainEntry> egress;
};

struct Generation {
    uint64_t number = 0;
    std::vector<PortChains> ports;       ///< by port index, in CONFIGURE's order
    std::unique_ptr<const vm::Fib> fib;  ///< nullptr: generation 0, which runs no program
};

constexpr uint32_t kProgramSlotsMax =
    1024;  ///< programs alive at once, over all generations not yet freed

}  // namespace weir::dataplane
