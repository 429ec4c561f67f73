#pragma once
// The prover's own side: a process without rights that forks one child per load, so that a program
// which breaks the verifier ends that child alone. What the two ends say to each other over their
// socket pair:
//
//   request  u64 visited_insns_max | u64 states_max | u64 bytes_max | u64 time_ms_max
//            | u32 length | ProgramSpec
//   reply    u8 ProofOutcome | u32 length | Proof, or an ErrorReply with its Rejection, or text

#include <cstdint>
#include <expected>

#include "vm/verifier/verifier.h"

namespace weir::dataplane {

constexpr int kProverFd = 3;  ///< the prover's end of the socket pair
constexpr const char* kProverOption = "--prover";
constexpr uint32_t kProofBytesMax = 64u << 20;    ///< of a spec, of a proof
constexpr uint64_t kProofMemoryBytes = 1u << 30;  ///< address space of one proof
constexpr uint32_t kProofGraceMs =
    1'000;  ///< beyond the verifier's own time budget: start, transport, a loaded core

constexpr size_t kProofRequestHeaderBytes = 36;
constexpr size_t kProofReplyHeaderBytes = 5;

enum class ProofOutcome : uint8_t { Proved, Refused, Failed };

using ProveFn = std::expected<vm::Proof, vm::Rejection> (*)(const vm::ProgramSpec&,
                                                            const vm::Budget&);

/// Body of the process that was started with kProverOption: gives up its rights, then answers
/// requests on kProverFd until the other end closes. `prove` is vm::verify but in tests of what
/// goes wrong. Returns the exit status.
int serve_proofs(ProveFn prove);

}  // namespace weir::dataplane
