#pragma once
// An ELF object in memory that tells gdb of generated code: a symbol per function, how to unwind
// (.eh_frame), and, where the program has source lines, .debug_info and .debug_line.

#include <cstdint>
#include <span>
#include <vector>

#include "jit/code_map.h"
#include "jit/symbols.h"
#include "vm/program/spec.h"

namespace weir::jit {

/// `symbols[i]` is map.functions[i], in code of `code_bytes` at `address`.
std::vector<uint8_t> gdb_object(const vm::ProgramSpec& spec, const CodeMap& map,
                                std::span<const CodeSymbol> symbols, uint64_t address,
                                uint64_t code_bytes);

}  // namespace weir::jit
