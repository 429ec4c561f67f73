#pragma once
// Makes a program smaller: for as long as it keeps what is wrong with it, or by what does nothing.

#include <functional>

#include "vm/program/spec.h"

namespace weir::tests {

/// `is_bad` holds of the program, and of the result.
vm::ProgramSpec reduced(const vm::ProgramSpec& program,
                        const std::function<bool(const vm::ProgramSpec&)>& is_bad);

/// Without each goto to the instruction behind it; targets follow.
vm::ProgramSpec closed_up(const vm::ProgramSpec& program);

}  // namespace weir::tests
