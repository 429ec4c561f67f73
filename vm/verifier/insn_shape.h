#pragma once
// Which operation on numbers an instruction is (RFC 9669, sections 4.1 to 4.3).

#include <cstdint>

#include "vm/isa/insn.h"
#include "vm/verifier/scalar.h"

namespace weir::vm::verifier {

/// Moves and negations stand beside the binary operations.
enum class AluClass : uint8_t { Binary, Move, Negate };

struct AluShape {
    AluClass kind = AluClass::Binary;
    AluOp op = AluOp::Add;  ///< Binary
};
/// Of AluImm, AluReg and AluUnary.
AluShape alu_shape(const OpInfo& row);

/// Of JumpImm and JumpReg.
CmpOp compare_op(const OpInfo& row);

/// What a move of this number leaves: cut to 32 bits or extended by its sign.
Scalar moved(const OpInfo& row, Scalar number);
/// The number in another byte order, or cut to its width.
Scalar reordered(const OpInfo& row, const Scalar& number);

}  // namespace weir::vm::verifier
