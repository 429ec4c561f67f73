#pragma once
// Moves what lies in r6..r9 to registers that no function has to save, where nobody can tell.

#include <optional>
#include <vector>

#include "jit/analysis.h"
#include "jit/compile_input.h"

namespace weir::jit {

/// The program with some of r6..r9 under names of r0..r5 or of spare registers (registers.h),
/// function by function: two registers become one where no moment needs both, which also rules out
/// values that live over a call.
/// nullopt: nothing to gain.
std::optional<std::vector<vm::DecodedSlot>> rename_saved_registers(const CompileInput& input,
                                                                   const Analysis& analysis);

}  // namespace weir::jit
