#pragma once
// Addresses that a run hands out, which the instrumented interpreter lets pass.

#include "controlplane/cli/search_arguments.h"
#include "controlplane/cli/search_run.h"

namespace weir::controlplane::cli {

/// The instruction that the run comes to returns an address from the program, stores one elsewhere
/// than on the stack, or has a call read one as data.
bool hands_out_address(const SearchScene& scene, const vm::RunStep& step,
                       const Registers& registers, const vm::DecodedInsn& insn);

}  // namespace weir::controlplane::cli
