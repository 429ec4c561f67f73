#pragma once
// Walks every path of a program, within a budget.

#include <expected>
#include <vector>

#include "vm/verifier/cfg.h"
#include "vm/verifier/verifier.h"

namespace weir::vm::verifier {

class Observer;

/// `observer` may be nullptr.
std::expected<Proof, Rejection> explore(const ProgramSpec& program,
                                        const std::vector<DecodedSlot>& slots, const Cfg& cfg,
                                        const Budget& budget, Observer* observer);

}  // namespace weir::vm::verifier
