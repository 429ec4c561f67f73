#pragma once
// The way to a refusal in words: one path is walked again, by the choices that it made, and each is
// said in terms of what was known there. Paths share what they have in common of their choices
// (Env::trail), and no words are made before a program is refused.

#include <cstdint>
#include <vector>

#include "vm/verifier/step.h"
#include "vm/verifier/verifier.h"

namespace weir::vm::verifier {

/// Longer paths lose their middle.
constexpr size_t kPathStepsMax = 2'000;

struct Retraced {
    std::vector<PathStep> steps;  ///< oldest first, at most kPathStepsMax
    uint64_t left_out = 0;        ///< between the two halves of `steps`
};

/// From the root of `path` to where it stands, or to the fault on the way there.
Retraced retrace(Env& env, const Path& path);

}  // namespace weir::vm::verifier
