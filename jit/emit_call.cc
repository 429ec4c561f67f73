// Calls. eBPF's argument registers are the host's, so nothing moves but the environment into the
// sixth.

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "jit/emission.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
namespace x86 = asmjit::x86;

/// Stands behind `callx` to an id without a helper: the run goes on with 0 and leaves a mark.
uint64_t missing_helper(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv& env) {
    env.aborted_insn = UINT64_MAX;
    return 0;
}

/// Whether a helper is given a function of the program.
bool takes_callback(const CompileInput& input, size_t slot) {
    if (input.facts.empty()) return false;
    const vm::HelperInfo* info = vm::helper_info(input.slots[slot].insn.imm);
    return info != nullptr &&
           std::ranges::find(info->args, vm::ArgKind::Callback) != info->args.end();
}

}  // namespace

/// asmjit makes this a rel32 call where the function is in reach, else a call through a constant
/// behind the code.
void emit_plain_call(Emission& e, vm::HelperFn function) {
    e.a.mov(x86::r9, env_register());
    e.a.call(Imm(reinterpret_cast<uint64_t>(function)));
}

void emit_call_helper(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    if (is_tail_call(e.input, slot)) return emit_tail_call(e, slot);
    const vm::HelperFn function = e.input.helpers->at(insn.imm);
    if (function == nullptr) {
        if (e.refusal.empty())
            e.refusal = fmt::format("insn {}: helper {} has no code", slot, insn.imm);
        return;
    }
    if (emit_inline_helper(e, slot) || emit_loop(e, slot)) return;
    if (takes_callback(e.input, slot)) emit_callback_state(e);
    emit_plain_call(e, function);
}

void emit_call_kfunc(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const vm::HelperFn function = e.input.helpers->kfunc_at(insn.imm);
    if (function != nullptr) return emit_plain_call(e, function);
    if (e.refusal.empty()) e.refusal = fmt::format("insn {}: kfunc {} has no code", slot, insn.imm);
}

void emit_call_local(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const auto entry = static_cast<uint32_t>(vm::jump_target(insn, slot).slot);
    e.a.call(e.functions[e.analysis.function_at(entry)]);
}

/// `callx`: the id is a run-time value, so the table is read at run time. No proven program
/// contains it.
void emit_call_register(Emission& e, const vm::DecodedInsn& insn) {
    const Gp id = reg64(insn.dst);
    const asmjit::Label missing = e.a.newLabel(), call = e.a.newLabel();
    e.a.cmp(id, Imm(vm::kHelperIdMax));
    e.a.ja(missing);
    emit_constant(e, scratch_c(), reinterpret_cast<uint64_t>(e.input.helpers->functions.data()));
    e.a.mov(scratch_c(), x86::qword_ptr(scratch_c(), id, 3));
    e.a.test(scratch_c(), scratch_c());
    e.a.jnz(call);
    e.a.bind(missing);
    emit_constant(e, scratch_c(), reinterpret_cast<uint64_t>(&missing_helper));
    e.a.bind(call);
    e.a.mov(x86::r9, env_register());
    e.a.call(scratch_c());
}

}  // namespace weir::jit
