#include "vm/verifier/explain.h"

#include <fmt/format.h>

namespace weir::vm::verifier {

Rejection explain(const ProgramSpec& program, uint32_t pc, const Fault& fault, const State* state) {
    Rejection rejection;
    rejection.insn = fault.insn == Fault::kHere ? pc : fault.insn;
    rejection.rule = fault.rule;
    rejection.message = fault.message;
    if (const LineInfo* line = line_of(program, rejection.insn); line != nullptr)
        rejection.line = fmt::format("{}:{}: {}", line->file, line->line, line->text);
    if (state != nullptr) rejection.state = describe_registers(*state);
    return rejection;
}

}  // namespace weir::vm::verifier
