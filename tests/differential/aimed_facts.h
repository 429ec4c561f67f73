#pragma once
// What instructions do to what the generator knows of numbers: the verifier's own arithmetic, so
// that bounds are tried exactly where the verifier believes them to be.

#include "vm/isa/insn.h"
#include "vm/verifier/scalar.h"

namespace weir::tests {

using vm::verifier::Scalar;

/// `right` is the source register's number or the immediate.
Scalar after_alu(const vm::OpInfo& row, const Scalar& left, const Scalar& right);
/// Adds what the jump says where it is taken, or where it is not. False: that cannot be.
bool after_jump(const vm::OpInfo& row, bool taken, Scalar& left, Scalar& right);
/// Holds every number of both.
Scalar hull(const Scalar& a, const Scalar& b);

}  // namespace weir::tests
