#pragma once
// The proof of safety: every memory access in bounds, every path ends, nothing read before it is
// written, no pointer leaves where it may not. What cannot be proven is rejected, with the place
// and the reason.

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/program/spec.h"
#include "vm/program/verified.h"

namespace weir::vm {

/// What was decided on the way to a refusal: a jump both ways of which were possible, whether a
/// callback runs another round, or a call or return of a subprogram.
struct PathStep {
    uint32_t insn = 0;
    bool taken = false;     ///< the jump; true of calls and returns
    std::string condition;  ///< with what was known: "r2 (pkt+14) > r3 (pkt_end): not taken"
    std::string line;       ///< as Rejection::line
};

/// Why a program was refused. explanation.h makes a text of it.
struct Rejection {
    uint32_t insn = 0;
    std::string line;  ///< "file.c:37: text", empty without BTF line info
    std::string
        rule;  ///< short and stable: "stack-bounds", "uninitialized", "packet-bounds", "budget", …
    std::string message;              ///< one line with the numbers
    std::string state;                ///< registers at that point, one line
    std::string insn_text = {};       ///< disassembled; empty where there is none
    std::string hint = {};            ///< what would make it provable, one line
    std::vector<PathStep> path = {};  ///< from the program's start on, oldest first
    uint64_t path_left_out = 0;       ///< steps that the middle of `path` lost
};

struct Budget {
    uint64_t visited_insns_max = 1'000'000;
    uint64_t states_max = 200'000;
    uint64_t bytes_max = 256u << 20;  ///< of states
    uint64_t time_ms_max = 2'000;     ///< of the processor, in this thread
};

/// Rejection first proven wrong or unprovable; or the proof. Never throws, never crashes on any
/// byte string, always returns within the budget. Any thread.
std::expected<Proof, Rejection> verify(const ProgramSpec& program, const Budget& budget = {});

/// Spec and proof become a program that may run. The proof must come from verify() on this spec
/// (directly or through the prover's pipe): a proof whose shape does not fit the spec is an error.
Result<VerifiedProgram> accept(ProgramSpec program, Proof proof);

void write_proof(ByteWriter& writer, const Proof& proof);
Result<Proof> read_proof(ByteReader& reader);

}  // namespace weir::vm
