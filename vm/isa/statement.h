#pragma once
// One statement of assembler text.

#include <string>

#include "vm/isa/insn.h"
#include "vm/isa/text_cursor.h"

namespace weir::vm {

/// An instruction, its label not yet looked up. `off` or `imm` is the distance where `label` is
/// empty.
struct Statement {
    DecodedInsn insn;
    std::string label;
};

/// Reads the rest of the line. What does not fit is in cursor.error().
Statement read_statement(TextCursor& cursor);

}  // namespace weir::vm
