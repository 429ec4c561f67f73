#pragma once
// A program as text: instructions with functions and jump targets as labels, source lines, and the
// names of maps, variables, helpers and kernel functions. `weir prog asm` reads it back.

#include <string>
#include <vector>

#include "vm/program/spec.h"

namespace weir::controlplane::cli {

/// One instruction of a listing.
struct ListedInsn {
    uint32_t slot = 0;
    std::string bytes;  ///< hex, spaced; 8 or 16 of them
    std::string text;
    std::string label;                   ///< of a function or jump target, or ""
    std::string target;                  ///< label that it jumps to or calls, or ""
    std::string remark;                  ///< what a number in it stands for, or ""
    const vm::LineInfo* line = nullptr;  ///< of the program, where one begins here
};
std::vector<ListedInsn> list_program(const vm::ProgramSpec& program);

/// The same as lines, in llvm-objdump's spelling.
std::string listing_text(const vm::ProgramSpec& program);

}  // namespace weir::controlplane::cli
