#pragma once
// Walks every path of a program, within a budget.

#include <expected>
#include <vector>

#include "vm/verifier/cfg.h"
#include "vm/verifier/verifier.h"

namespace weir::vm::verifier {

class Observer;

/// `observer` may be nullptr. `by_contract`: global functions are proven once where that is
/// possible, and a refusal then says little.
std::expected<Proof, Rejection> explore(const ProgramSpec& program,
                                        const std::vector<DecodedSlot>& slots, const Cfg& cfg,
                                        const Budget& budget, Observer* observer, bool by_contract);

}  // namespace weir::vm::verifier
