#pragma once
// Instructions as text, in the dialect of llvm-objdump (the default CPU's for loads and stores,
// v4's for 32-bit atomics). Where llvm-objdump's text loses a field, ours has it, so that
// assemble() gives back every bit:
//
//   call pc+0xd            local call (llvm-objdump: "call 0xd", as for a helper)
//   call kfunc 0x7, 0x1    kernel function, offset of its BTF behind the comma if it is not 0
//   r1 = map[2] ll         address of map 2 (llvm-objdump: "ld_pseudo r1, 0x1, 0x2")
//   r1 = map[2][0] + 0x8 ll   address of byte 8 of its only value
//   ld_pseudo r1, 0x4, 0x5, 0x6   other 64-bit loads with a source; the second slot's immediate
//   last, if not 0 r0 = *(u16 *)skb[r7 + 0x4]

#include <functional>
#include <span>
#include <string>

#include "vm/isa/insn.h"

namespace weir::vm {

/// One line without newline. Jumps name their distance.
std::string disassemble(const DecodedInsn& insn);

/// What stands beside the instructions of a listing; both may be empty functions, both get the
/// slot.
struct ListingNotes {
    std::function<std::string(size_t)>
        before;  ///< whole lines in front of an instruction ("entry:\n"), or ""
    std::function<std::string(size_t)> after;  ///< remark behind an instruction, or ""
};

/// A whole program, a line for each instruction: slot, text, <target slot> of jumps. What cannot be
/// decoded is listed as "<unknown>" with its bytes. The text assembles back to the same program.
std::string disassemble_program(std::span<const Insn> insns, const ListingNotes& notes = {});

}  // namespace weir::vm
