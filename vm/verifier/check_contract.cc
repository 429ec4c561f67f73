// Calls of global functions that were proven once for whatever their declaration allows (Linux,
// kernel/bpf/verifier.c: btf_check_func_arg_match). Those that make tail calls are not: whether
// they may depends on who is above them.

#include <algorithm>

#include "vm/base/check.h"
#include "vm/base/limits.h"
#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

/// Of memory only what the function cannot change for others by other means than writing bytes: no
/// packet, which it may move, and nothing that is given back.
bool fits(Step& step, const Argument& argument, const Reg& reg) {
    switch (argument.kind) {
        case ArgumentKind::Number: return reg.is_scalar();
        case ArgumentKind::Context: return reg.kind == RegKind::Context && reg.off == 0;
        case ArgumentKind::Memory: break;
    }
    if (reg.is_constant(0)) return true;
    if (reg.or_null || (reg.kind != RegKind::Stack && reg.kind != RegKind::MapValue)) return false;
    const Region region{reg, 0, argument.bytes};
    if (!check_region(step, region, Access::Read) || !check_region(step, region, Access::Write))
        return false;
    return reg.kind != RegKind::Stack || read_stack_bytes(step, region).has_value();
}

/// The function may have written any bytes.
void give(Step& step, const Argument& argument, const Reg& reg) {
    if (argument.kind != ArgumentKind::Memory) return;
    step.rely_on(reg);  // null
    if (reg.kind != RegKind::Stack) return;
    const Checked written = overwrite_stack_bytes(step, {reg, 0, argument.bytes}, 0);
    WEIR_CHECK(written);  // what may be read as data is no object
}

}  // namespace

bool call_by_contract(Step& step, uint32_t subprogram) {
    const FunctionSummary& summary = step.env.summaries[subprogram];
    const size_t frames = step.state().frames.size() + summary.frames;
    if (!summary.is_proven || frames > kCallDepthMax) return false;
    const Contract& contract = *step.env.program.subprograms[subprogram].contract;
    for (size_t i = 0; i < contract.arguments.size(); ++i)
        if (!fits(step, contract.arguments[i], step.frame().regs[i + 1])) return false;
    for (size_t i = 0; i < contract.arguments.size(); ++i)
        give(step, contract.arguments[i], Reg(step.frame().regs[i + 1]));
    for (uint8_t reg = 0; reg <= 5; ++reg) step.reg(reg) = Reg{};
    if (contract.returns_number) step.reg(0) = Reg::scalar(Scalar{});
    if (summary.changes_packet) move_packet(step);
    FunctionSummary& walked = step.env.walked;
    walked.frames = std::max(walked.frames, static_cast<uint32_t>(frames));
    uint64_t& insns = step.path.insns_since_parent;
    insns += std::min(summary.worst_insns, UINT64_MAX - insns);
    return true;
}

Checked check_contract_end(const Step& step, const Reg& result) {
    const Contract& contract = *step.env.program.subprograms[step.frame().subprogram].contract;
    if (contract.returns_number && !result.is_scalar())
        return fault("pointer-leak", "a global function returns something else than a number");
    return check_nothing_held(step, "the function's end");
}

}  // namespace weir::vm::verifier
