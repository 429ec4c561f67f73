#pragma once
// A weaker state that contains two, for the head of a loop or where too many paths meet. It is a
// guess: what is explored from it may fail where each of the two would not, and then it is rolled
// back (explore.cc).

#include <cstdint>
#include <optional>
#include <vector>

#include "vm/verifier/compare.h"
#include "vm/verifier/step.h"

namespace weir::vm::verifier {

enum class Generalise : uint8_t {
    Join,      ///< the least state of the domain that contains both
    Widen,     ///< of a loop: where they differ, as far as it is likely to go; values get new names
    WidenFar,  ///< the same, with few steps to everything
    Anything,  ///< the same, with numbers that differ unknown
};

/// nullopt where the two have nothing in common that could be continued: another call chain, other
/// references or objects on the stack.
/// `pc` is where they are.
std::optional<State> generalise(Env& env, Generalise how, uint32_t pc, const State& old,
                                const State& now);

/// Where the numbers of the loop with this head are likely to stop: at what it compares them with.
std::vector<uint64_t> thresholds_of(const std::vector<DecodedSlot>& slots, const Cfg& cfg,
                                    uint32_t pc);

/// A path that goes on from `general` instead of from `real` relies, where it relies on a number,
/// on the one that it really has.
void keep_nodes(const State& real, State& general);

}  // namespace weir::vm::verifier
