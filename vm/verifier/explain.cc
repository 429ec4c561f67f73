#include "vm/verifier/explain.h"

#include <fmt/format.h>

namespace weir::vm::verifier {

Rejection explain(const ProgramSpec& program, uint32_t pc, const Fault& fault) {
    Rejection rejection;
    rejection.insn = fault.insn == Fault::kHere ? pc : fault.insn;
    rejection.rule = fault.rule;
    rejection.message = fault.message;
    if (const LineInfo* line = line_of(program, rejection.insn); line != nullptr)
        rejection.line = fmt::format("{}:{}: {}", line->file, line->line, line->text);
    return rejection;
}

Rejection explain(const Env& env, uint32_t pc, const Fault& fault, const Path* path) {
    Rejection rejection = explain(env.program, pc, fault);
    if (path != nullptr) rejection.state = describe_registers(path->state);
    return rejection;
}

}  // namespace weir::vm::verifier
