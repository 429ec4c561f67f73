#pragma once
// Text back into instructions: the dialect of disassemble.h, with labels and comments.
//
//   entry:                      a label; a number before a colon, as in listings, is ignored
//   if r1 == 0x0 goto out       distance (+0x5) or label
//   call pc+0xd | call entry    local call; `call 0x5` and `call ktime_get_ns` call a helper
//   ld_pseudo r2, 4, entry      the address of a callback: distance or label
//   <target> and what follows # ; or // is ignored
//
// Numbers are decimal or 0x…, with a sign or without.

#include <string_view>
#include <vector>

#include "vm/base/result.h"
#include "vm/isa/insn.h"

namespace weir::vm {

/// Errors name line and column. At most kProgramInsnsMax slots.
Result<std::vector<Insn>> assemble(std::string_view text);

/// Appends the one or two slots of `insn`: the reverse of decode(). Fields that its row fixes come
/// from there.
void encode(const DecodedInsn& insn, std::vector<Insn>& out);

}  // namespace weir::vm
