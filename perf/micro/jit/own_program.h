#pragma once
// From a program of an object to a proof.

#include <memory>

#include "vm/program/spec.h"
#include "vm/program/verified.h"

namespace weir::perf {

/// Aborts, with a line on stderr, where it does not pass: programs of benchmarks do.
std::shared_ptr<const vm::VerifiedProgram> proven(const vm::ProgramSpec& spec);

}  // namespace weir::perf
