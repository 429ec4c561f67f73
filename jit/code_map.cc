#include "jit/code_map.h"

#include "vm/base/check.h"

namespace weir::jit {

std::string code_function_name(const vm::ProgramSpec& program, const CodeFunction& function) {
    WEIR_CHECK(function.subprogram < program.subprograms.size());
    const std::string& name = program.subprograms[function.subprogram].name;
    switch (function.entry) {
        case CodeEntry::kSingle:
        case CodeEntry::kSubprogram: return name;
        case CodeEntry::kBurst: return name + ".burst";
        case CodeEntry::kAdvance: return name + ".advance";
        case CodeEntry::kComplete: return name + ".complete";
        case CodeEntry::kCallback: return name + ".callback";
    }
    return name;
}

}  // namespace weir::jit
