#pragma once
// From a fault to the words that a person reads.

#include "vm/verifier/fault.h"
#include "vm/verifier/state.h"
#include "vm/verifier/verifier.h"

namespace weir::vm::verifier {

/// `state` may be null: the fault was found before any path was walked.
Rejection explain(const ProgramSpec& program, uint32_t pc, const Fault& fault, const State* state);

}  // namespace weir::vm::verifier
