#pragma once
// From a fault to the words that a person reads.

#include "vm/verifier/fault.h"
#include "vm/verifier/step.h"
#include "vm/verifier/verifier.h"

namespace weir::vm::verifier {

/// The fault was found before any path was walked.
Rejection explain(const ProgramSpec& program, uint32_t pc, const Fault& fault);
/// `path` led there; nullptr: no single path did.
Rejection explain(const Env& env, uint32_t pc, const Fault& fault, const Path* path);

}  // namespace weir::vm::verifier
