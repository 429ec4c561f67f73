#pragma once
// The facts of a proof, against a run: engines and machine code rely on them.

#include <optional>
#include <string>

#include "tests/support/state_check.h"
#include "vm/program/verified.h"

namespace weir::tests {

/// The first step that a fact excludes: an instruction that is not reached, a way that a jump never
/// takes, memory of another kind, stack below what the function uses, an operand outside its range,
/// another map than the one named; or nullopt.
std::optional<std::string> against_facts(const StateCheckSetup& setup, const vm::Proof& proof,
                                         const RunTrace& trace);

}  // namespace weir::tests
