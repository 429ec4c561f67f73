#pragma once
// Functions of machine code that C++ calls: callbacks of helpers, and of timers.

#include <array>
#include <cstdint>

#include "vm/program/run.h"

namespace weir::jit {

/// RunEnv::call of machine code: `function` is the address of a callback's entry.
uint64_t call_function(vm::RunEnv& env, uint64_t function,
                       const std::array<uint64_t, 5>& arguments);

}  // namespace weir::jit
