#pragma once
// The reference meaning of insn.def.

#include <cstdint>
#include <span>

#include "vm/program/map.h"
#include "vm/program/run.h"
#include "vm/program/verified.h"

namespace weir::vm {

/// Runs a proven program over one packet; returns r0's low 32 bits.
/// maps[i] is the map that stands behind spec().maps[i].
uint32_t interpret(const VerifiedProgram& program, std::span<Map* const> maps,
                   const HelperTable& helpers, XdpContext& context, RunEnv& env);

/// For the conformance plug-in alone: runs bytes that nobody verified, r1 = memory, r2 = its
/// length. Every access is checked against memory and stack; a fault, an unknown helper or more
/// than `insns_max` steps is an error.
Result<uint64_t> interpret_unverified(std::span<const Insn> insns, std::span<uint8_t> memory,
                                      const HelperTable& helpers, uint64_t insns_max);

}  // namespace weir::vm
