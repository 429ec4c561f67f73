#pragma once
// What would make a refused program provable, by rule and with the numbers at hand.

#include <string>
#include <string_view>
#include <vector>

#include "vm/isa/insn.h"
#include "vm/program/spec.h"
#include "vm/verifier/fault.h"
#include "vm/verifier/state.h"

namespace weir::vm::verifier {

struct HintQuery {
    const ProgramSpec& program;
    uint32_t insn;
    const DecodedInsn* decoded;  ///< nullptr: there is no instruction
    const State* state;          ///< nullptr: no path was walked
    const Fault& fault;
};

/// One line of advice; empty only for a rule that is not in the table.
std::string hint_for(const HintQuery& query);

/// Rules that have advice, in alphabetical order.
std::vector<std::string_view> hinted_rules();

}  // namespace weir::vm::verifier
