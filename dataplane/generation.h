#pragma once
// Everything that runs at one time: the chains of all ports. Immutable once published; published by
// one pointer store; freed after every worker has reported a quiescent state since.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
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
    std::string_view name = {};   ///< as the config calls it; the program's, so it lives as long
    bool keeps_frames = false;    ///< no run moves, grows or cuts the packet
    bool reads_metadata = false;  ///< may ask what the device said of a packet
    bool skip_on_fault = false;   ///< without it the chain goes on; else the port's `fail` decides
    bool writes_packets = true;   ///< what it was taken off in the middle of may be damaged
};

/// Why a chain is not run, so that the port's `fail` decides over its packets.
enum class OutReason : uint8_t {
    None,          ///< it runs
    NoGeneration,  ///< nothing was published yet
    Fault,         ///< a program in it faulted or did not end
    Budget,        ///< it took longer than the port's chain_budget
};
/// An entry for a program in machine code or interpreted, with what its proof says of it.
ChainEntry make_entry(std::shared_ptr<const jit::CompiledProgram> program, uint32_t slot,
                      const vm::VerifiedProgram& verified);

struct PortChains {
    std::vector<ChainEntry> ingress;
    std::vector<ChainEntry> egress;
    OutReason ingress_out = OutReason::None;  ///< then `ingress` is empty
    OutReason egress_out = OutReason::None;
};

struct Generation {
    uint64_t number = 0;
    std::vector<PortChains> ports;       ///< by port index, in CONFIGURE's order
    bool bypass = false;                 ///< no chain is run, every packet goes where `pass` says
    std::unique_ptr<const vm::Fib> fib;  ///< nullptr: generation 0, which runs no program
};

constexpr uint32_t kProgramSlotsMax =
    1024;  ///< programs alive at once, over all generations not yet freed

}  // namespace weir::dataplane
