#include "vm/verifier/explain.h"

#include <fmt/format.h>

#include "vm/isa/disassemble.h"
#include "vm/isa/helper_info.h"
#include "vm/verifier/hints.h"
#include "vm/verifier/retrace.h"

namespace weir::vm::verifier {
namespace {

/// A call by the name of what it calls, which is what a person knows it by.
std::string insn_words(const ProgramSpec& program, const DecodedInsn& insn, uint32_t pc) {
    std::string text = disassemble(insn);
    if (insn.op == Op::kCallHelper && !helper_name(insn.imm).empty())
        return fmt::format("{} ({})", text, helper_name(insn.imm));
    if (insn.op == Op::kCallKfunc)
        if (const HelperInfo* const kfunc = kfunc_info(insn.imm))
            return fmt::format("{} ({})", text, kfunc->name);
    if (insn.op != Op::kCallLocal) return text;
    for (const Subprogram& subprogram : program.subprograms)
        if (subprogram.insn == jump_target(insn, pc).slot)
            return fmt::format("{} ({})", text, subprogram.name);
    return text;
}

Rejection explain_at(const ProgramSpec& program, uint32_t pc, const Fault& fault,
                     const State* state) {
    Rejection rejection;
    rejection.insn = fault.insn == Fault::kHere ? pc : fault.insn;
    rejection.rule = fault.rule;
    rejection.message = fault.message;
    rejection.line = source_line(program, rejection.insn);
    const bool exists = rejection.insn < program.insns.size();
    const auto insn =
        exists ? decode(program.insns, rejection.insn) : fail(ErrorKind::kInvalid, "");
    if (insn) rejection.insn_text = insn_words(program, *insn, rejection.insn);
    rejection.hint = hint_for({program, rejection.insn, insn ? &*insn : nullptr, state, fault});
    if (state != nullptr) rejection.state = describe_registers(*state);
    return rejection;
}

}  // namespace

std::string source_line(const ProgramSpec& program, uint32_t insn) {
    const LineInfo* line = line_of(program, insn);
    return line == nullptr ? "" : fmt::format("{}:{}: {}", line->file, line->line, line->text);
}

Rejection explain(const ProgramSpec& program, uint32_t pc, const Fault& fault) {
    return explain_at(program, pc, fault, nullptr);
}

Rejection explain(Env& env, uint32_t pc, const Fault& fault, const Path* path) {
    if (path == nullptr) return explain_at(env.program, pc, fault, nullptr);
    Rejection rejection = explain_at(env.program, pc, fault, &path->state);
    Retraced way = retrace(env, *path);
    rejection.path = std::move(way.steps);
    rejection.path_left_out = way.left_out;
    return rejection;
}

}  // namespace weir::vm::verifier
