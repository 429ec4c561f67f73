#pragma once
// Names of compiled programs for tools that look at this process from outside: `perf` and gdb. On
// request only.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "jit/code_map.h"
#include "vm/program/spec.h"

namespace weir::jit {

struct CodeSymbol {
    uint64_t address = 0, bytes = 0;
    std::string name;
};

/// One per function of the code: "weir:PROGRAM:FUNCTION".
std::vector<CodeSymbol> code_symbols(const std::string& program, const vm::ProgramSpec& spec,
                                     const CodeMap& map, uint64_t address);

}  // namespace weir::jit
