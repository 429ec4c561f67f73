#pragma once
// Walks every path of a program, within a budget.

#include <expected>
#include <vector>

#include "vm/verifier/cfg.h"
#include "vm/verifier/verifier.h"

namespace weir::vm::verifier {

std::expected<Proof, Rejection> explore(const ProgramSpec& program,
                                        const std::vector<DecodedSlot>& slots, const Cfg& cfg,
                                        const Budget& budget);

}  // namespace weir::vm::verifier
