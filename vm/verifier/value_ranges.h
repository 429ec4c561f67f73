#pragma once
// Ranges of the numbers that instructions take, for the JIT.
//
// The walk's own states do not give them: a path may end in a state that differs in numbers on
// which nothing relied. This is the classical analysis beside it: one state per place where ways
// meet, joined over all of them, widened in loops; registers are 64-bit patterns, pointers any. It
// uses of the walk only what holds for every run: what is reached, and where jumps lead.

#include <vector>

#include "vm/program/verified.h"
#include "vm/verifier/cfg.h"

namespace weir::vm::verifier {

/// Fills `dst` and `src` of the facts of a proven program. Linear in the program; where that does
/// not suffice, they stay as they were.
void find_value_ranges(const ProgramSpec& program, const std::vector<DecodedSlot>& slots,
                       const Cfg& cfg, std::vector<InsnFact>& facts);

}  // namespace weir::vm::verifier
