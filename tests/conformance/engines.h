#pragma once
// The engines as the conformance tests see them: programs that nobody verified, over plain memory.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/result.h"
#include "vm/isa/insn.h"

namespace weir::conformance {

/// What run_unverified takes.
std::vector<std::string> engine_names();

/// Whether it executes legacy packet access (RFC 9669, section 5.5) and may_goto, for which there
/// is no machine code.
bool runs_interp_only(std::string_view engine);

/// Runs `insns` on `engine` ("jit", "jit_blinded": with blinded constants, or "interp") with r1 =
/// memory, r2 = its length; gives all 64 bits of r0. Helper 5 returns its first argument, other
/// helpers do not exist. The interpreter checks every access and ends after a bounded number of
/// steps; machine code does not, so it belongs into a process of its own.
Result<uint64_t> run_unverified(std::string_view engine, std::span<const vm::Insn> insns,
                                std::span<uint8_t> memory);

}  // namespace weir::conformance
