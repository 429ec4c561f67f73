#pragma once
// One instruction on one path, whatever its class: which check it gets, and where the path goes on.

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {

/// Changes the step's path as the instruction does; moves its place only where it has Jumped.
Walked walk_insn(Step& step);

/// What is known where code is entered from outside.
State first_state(Env& env, const Root& root);

}  // namespace weir::vm::verifier
