#pragma once
// A Rejection as a text for a person.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/verifier/verifier.h"

namespace weir::vm {

/// With a line above that names the program, and two blanks in front: 40 lines of 120 columns.
constexpr size_t kExplanationLinesMax = 39;
constexpr size_t kExplanationColumnsMax = 118;

/// Rule and message, instruction and source line, the path with its conditions, what is known
/// there, the hint, and at the end the verdict ("unsafe: a 38-byte packet …"), if one is given.
/// Lines have no newline and no control characters, whatever the object's debug information holds;
/// long paths lose their middle.
std::vector<std::string> explanation_lines(const Rejection& rejection,
                                           std::string_view verdict = {});

}  // namespace weir::vm
