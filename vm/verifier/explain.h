#pragma once
// From a fault to a Rejection: the words that a person reads.

#include "vm/verifier/fault.h"
#include "vm/verifier/step.h"
#include "vm/verifier/verifier.h"

namespace weir::vm::verifier {

/// The fault was found before any path was walked.
Rejection explain(const ProgramSpec& program, uint32_t pc, const Fault& fault);
/// `path` led there, and is walked once more (retrace.h); nullptr: no single path did.
Rejection explain(Env& env, uint32_t pc, const Fault& fault, const Path* path);

/// "file.c:37: text", or "" without line info.
std::string source_line(const ProgramSpec& program, uint32_t insn);

}  // namespace weir::vm::verifier
