#pragma once
// Small changes of a program: what a verifier that looks at the wrong field does not see.

#include "tests/differential/generated_program.h"
#include "vm/program/spec.h"

namespace weir::tests {

/// One to three changes of instructions, targets and functions staying where they are.
vm::ProgramSpec mutated(const vm::ProgramSpec& program, Random& random);

/// Instructions out of insn.def with operands that are nearly right, maps and helpers among them.
vm::ProgramSpec random_program(const std::vector<vm::MapSpec>& maps, Random& random);

}  // namespace weir::tests
