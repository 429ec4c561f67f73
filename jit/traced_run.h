#pragma once
// A run of a compiled program by the interpreter that notes everything: same state, same maps, same
// result as its machine code. Tail calls go on in the proven program behind the machine code.

#include "jit/jit.h"
#include "vm/interp/traced.h"

namespace weir::jit {

/// As CompiledProgram::run. A program that is neither machine code nor the interpreter's runs
/// untraced. No lock, no memory.
uint32_t run_traced(const CompiledProgram& program, vm::XdpContext& context, vm::RunEnv& env,
                    vm::RunRecorder& recorder);

}  // namespace weir::jit
