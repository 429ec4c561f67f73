#include "jit/symbols.h"

#include <fmt/format.h>

namespace weir::jit {

std::vector<CodeSymbol> code_symbols(const std::string& program, const vm::ProgramSpec& spec,
                                     const CodeMap& map, uint64_t address) {
    std::vector<CodeSymbol> symbols;
    for (const CodeFunction& function : map.functions)
        symbols.push_back({address + function.begin, function.end - function.begin,
                           fmt::format("weir:{}:{}", program, code_function_name(spec, function))});
    return symbols;
}

}  // namespace weir::jit
