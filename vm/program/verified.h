#pragma once
// A proven program. Only vm/verifier can make one; interpreter and JIT take nothing else.

#include <cstdint>
#include <span>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"
#include "vm/isa/insn.h"
#include "vm/program/spec.h"

namespace weir::vm {

enum class PointerKind : uint8_t { None, Stack, Context, Packet, PacketMeta, MapValue };

/// Every value that an operand has in any run, unsigned.
struct ValueRange {
    uint64_t least = 0, most = UINT64_MAX;
    friend bool operator==(const ValueRange&, const ValueRange&) = default;
};

/// What the verifier proved of one slot. All paths agree on what is not None / kUnknownMap.
struct InsnFact {
    bool reachable = false;
    PointerKind access =
        PointerKind::None;  ///< what a memory access goes to; None also where paths differ
    /// At a call with a map argument, and where `access` is MapValue: index into spec().maps, if it
    /// is the same in every run. Never of an inner map.
    uint16_t map = kUnknownMap;
    static constexpr uint16_t kUnknownMap = 0xffff;
    uint32_t key_bytes = 0;  ///< of that map's keys; 0: none, or paths differ
    /// Where `access` is MapValue: always at a multiple of its size from where the value begins.
    bool is_aligned = false;
    /// At a call: in some run an argument leads to memory that is neither the stack's nor the
    /// packet's, such as a map's value.
    bool passes_shared_memory = false;
    /// At a conditional jump: some path takes it, some path does not. Where one is false, the
    /// comparison is redundant.
    bool jumps = false, falls_through = false;
    /// What the destination register holds before the instruction, where that reads it as a number,
    /// and what the source register holds; pointers are bit patterns, too. At an exit `dst` is r0.
    ValueRange dst, src;
};

/// A function that is proven for calls by a timer in a value of this map.
struct TimerCallback {
    uint32_t subprogram = 0;  ///< index into spec().subprograms
    uint16_t map = 0;         ///< index into spec().maps
    friend bool operator==(const TimerCallback&, const TimerCallback&) = default;
};

/// The verifier's output for an accepted program: enough for the interpreter and the JIT to trust
/// it without proving again. Crosses the pipe from the prover child.
struct Proof {
    std::vector<InsnFact> facts;        ///< one per slot
    std::vector<uint32_t> stack_bytes;  ///< per subprogram, in spec.subprograms' order
    uint32_t stack_bytes_total = 0;     ///< deepest call chain
    uint64_t visited_insns = 0;         ///< that the verifier walked
    /// Upper bound of what one run executes, tail-called programs apart; UINT64_MAX: above that.
    uint64_t worst_insns = 0;
    uint64_t states_peak = 0;                    ///< states that the verifier kept at once,
    uint64_t bytes_peak = 0;                     ///< and their memory
    std::vector<TimerCallback> timer_callbacks;  ///< each once
};

class VerifiedProgram {
public:
    const ProgramSpec& spec() const { return spec_; }
    const Proof& proof() const { return proof_; }
    /// The executable form: as spec().insns, slot for slot, with context loads rewritten for
    /// XdpContext (and unreachable slots left as they were: nothing jumps there).
    std::span<const Insn> code() const { return code_; }
    std::span<const DecodedSlot> slots() const { return slots_; }

private:
    friend class ProofAcceptor;  // vm/verifier/accept.cc
    VerifiedProgram() = default;

    ProgramSpec spec_;
    Proof proof_;
    std::vector<Insn> code_;
    std::vector<DecodedSlot> slots_;
};

}  // namespace weir::vm
