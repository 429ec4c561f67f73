#pragma once
// Advice that depends on what the message says, for rules that cover several mistakes.

#include <string_view>

#include "vm/verifier/fault.h"

namespace weir::vm::verifier {

/// Empty where the rule's own advice fits.
std::string_view hint_by_words(const Fault& fault);

}  // namespace weir::vm::verifier
