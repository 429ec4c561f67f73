#pragma once
// What must hold of a spec before anything is proven about its instructions: its fields come from
// outside, too.

#include "vm/program/spec.h"
#include "vm/verifier/fault.h"

namespace weir::vm::verifier {

/// Type, sizes, maps and the order of subprograms; `slots` are the decoded instructions.
Checked check_spec(const ProgramSpec& program);
Checked check_subprograms(const ProgramSpec& program, const std::vector<DecodedSlot>& slots);

}  // namespace weir::vm::verifier
