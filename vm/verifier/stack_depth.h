#pragma once
// Stack of the deepest call chain, callbacks included: what each function uses is known after the
// walk, who called whom too.

#include <cstdint>
#include <vector>

#include "vm/verifier/step.h"

namespace weir::vm::verifier {

/// Bytes that the deepest chain from each root uses, as the functions use them.
uint32_t stack_bytes_total(const Env& env);
/// Refuses chains above what a run has (vm/program/stack_chain.h), and tail calls below frames that
/// would leave too little for the program that is called, as the kernel does.
Checked check_stack_depth(const Env& env);

}  // namespace weir::vm::verifier
