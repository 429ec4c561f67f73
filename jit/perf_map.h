#pragma once
// Names for `perf`: without them, samples in machine code have no symbol.

#include <string_view>

#include "jit/jit.h"
#include "vm/base/result.h"

namespace weir::jit {

/// Appends "START SIZE weir:NAME" to /tmp/perf-PID.map, where perf looks
/// (tools/perf/Documentation/jit-interface.txt in the kernel). Opt-in: the caller decides; entries
/// stay after the code is gone. Does nothing for the interpreter.
Result<void> append_perf_map(const CompiledProgram& program, std::string_view name);

}  // namespace weir::jit
