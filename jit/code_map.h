#pragma once
// What lies where in the machine code of a program: for listings, symbols and unwinders. Nothing on
// the packet path reads it.

#include <cstdint>
#include <string>
#include <vector>

#include "vm/program/spec.h"

namespace weir::jit {

constexpr uint32_t kNoSlot = UINT32_MAX;

/// The code from `offset` to that of the next place, or to its function's end. Instructions that
/// became one, or none, have places at one offset; the last one has the code.
struct CodePlace {
    uint32_t offset = 0;
    uint32_t slot = kNoSlot;  ///< of the eBPF instruction; kNoSlot: entering, leaving, the loop
                              ///< over a burst
};

/// From `offset` on, the caller's stack pointer is rsp + `caller_bytes`, the return address lies
/// below it, and below that the first `pushed` of the function's saved registers.
struct FrameStep {
    uint32_t offset = 0;
    uint32_t caller_bytes = 8;
    uint32_t pushed = 0;
};

enum class CodeEntry : uint8_t {
    kSingle,      ///< a run over one packet
    kBurst,       ///< a run over a burst
    kSubprogram,  ///< a call inside the program
    kAdvance,     ///< the first half of an overlapped burst (overlap_plan.h)
    kComplete,    ///< the second
    kCallback,    ///< a call of the subprogram by a helper or timer
};

/// Code that calls enter.
struct CodeFunction {
    CodeEntry entry = CodeEntry::kSingle;
    uint32_t subprogram = 0;  ///< whose body it is
    uint32_t begin = 0, end = 0;
    std::vector<uint8_t> saved;    ///< numbers of x86 registers, in the order of the pushes
    std::vector<FrameStep> frame;  ///< sorted by offset; at `begin` the default holds
};

/// Offsets are those in CompiledProgram::code(). Both lists are sorted by them.
struct CodeMap {
    std::vector<CodeFunction> functions;
    std::vector<CodePlace> places;
};

/// "NAME" of the function that `function` runs, with ".burst", ".advance", ".complete" or
/// ".callback" behind it in the entries for bursts.
std::string code_function_name(const vm::ProgramSpec& program, const CodeFunction& function);

}  // namespace weir::jit
