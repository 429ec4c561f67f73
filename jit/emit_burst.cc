// The burst entry: the program's body inside a loop over the packets, so that saving registers,
// making the frame and returning are paid once a burst. The loop's state takes the call-saved
// registers that the program does not use, in the order of how often the loop touches it, and the
// stack when they run out.

#include <array>
#include <cstddef>
#include <optional>

#include "jit/emission.h"
#include "jit/frame.h"
#include "vm/program/context.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
namespace x86 = asmjit::x86;

/// A register, or eight bytes at [rsp + offset].
struct LoopSlot {
    std::optional<Gp> reg;
    int32_t offset = 0;

    x86::Mem memory() const { return x86::qword_ptr(x86::rsp, offset); }
};

struct LoopState {
    LoopSlot context, verdict, end, redirect;
    std::vector<Gp> registers;  ///< that it took
    uint32_t slot_bytes = 0;
};

LoopSlot take_slot(LoopState& state, std::vector<Gp>& free) {
    LoopSlot slot;
    if (!free.empty()) {
        slot.reg = free.back();
        state.registers.push_back(free.back());
        free.pop_back();
    } else {
        slot.offset = static_cast<int32_t>(state.slot_bytes);
        state.slot_bytes += 8;
    }
    return slot;
}

LoopState plan_loop(const Analysis& analysis) {
    const FunctionFacts& program = analysis.functions[0];
    std::vector<Gp> free;
    if (!analysis.needs_env) free.push_back(env_register());
    for (uint8_t i = kSavedFirst; i <= kSavedLast; ++i)
        if ((program.saved_written & (1u << i)) == 0) free.push_back(reg64(i));
    LoopState state;
    state.context = take_slot(state, free);
    state.verdict = take_slot(state, free);
    state.end = take_slot(state, free);
    if (analysis.may_redirect) state.redirect = take_slot(state, free);
    return state;
}

void emit_put(Emission& e, const LoopSlot& slot, const Gp& value) {
    if (slot.reg)
        e.a.mov(*slot.reg, value);
    else
        e.a.mov(slot.memory(), value);
}

/// The slot's value in a register: its own, or `scratch`.
Gp emit_get(Emission& e, const LoopSlot& slot, const Gp& scratch) {
    if (slot.reg) return *slot.reg;
    e.a.mov(scratch, slot.memory());
    return scratch;
}

void emit_advance(Emission& e, const LoopSlot& slot, const Gp& value, uint32_t bytes) {
    e.a.add(value, Imm(bytes));
    if (!slot.reg) e.a.mov(slot.memory(), value);
}

/// Arguments: rdi contexts, rsi their end, rdx verdicts, rcx redirects, r8 environment.
void emit_loop_setup(Emission& e, const LoopState& state) {
    if (e.analysis.needs_env) e.a.mov(env_register(), x86::r8);
    emit_put(e, state.context, x86::rdi);
    emit_put(e, state.end, x86::rsi);
    emit_put(e, state.verdict, x86::rdx);
    if (e.analysis.may_redirect) emit_put(e, state.redirect, x86::rcx);
}

/// Stores the result of one packet, goes on to the next.
void emit_loop_tail(Emission& e, const LoopState& state, const asmjit::Label& next_packet) {
    const Gp verdict = emit_get(e, state.verdict, scratch_a());
    e.a.mov(x86::dword_ptr(verdict), x86::eax);
    emit_advance(e, state.verdict, verdict, sizeof(uint32_t));
    if (e.analysis.may_redirect) {
        const Gp redirect = emit_get(e, state.redirect, scratch_b());
        e.a.mov(scratch_c().r32(), env_field(offsetof(vm::RunEnv, redirect_ifindex)));
        e.a.mov(x86::dword_ptr(redirect), scratch_c().r32());
        emit_advance(e, state.redirect, redirect, sizeof(uint32_t));
        emit_keep_map_redirect(e, scratch_c().r32());
    }
    const Gp context = emit_get(e, state.context, x86::rdi);
    emit_advance(e, state.context, context, sizeof(vm::XdpContext));
    if (state.end.reg)
        e.a.cmp(context, *state.end.reg);
    else
        e.a.cmp(context, state.end.memory());
    e.a.jb(next_packet);
}

}  // namespace

void emit_burst_entry(Emission& e) {
    const FunctionFacts& program = e.analysis.functions[0];
    const LoopState state = plan_loop(e.analysis);
    std::vector<Gp> saved = written_saved_registers(program);
    if (e.analysis.needs_env) saved.push_back(env_register());
    saved.insert(saved.end(), state.registers.begin(), state.registers.end());
    const Frame frame = plan_frame(std::move(saved), program.uses_frame, program.stack_bytes,
                                   state.slot_bytes, program.makes_calls);
    const asmjit::Label next_packet = e.a.newLabel(), exit = e.a.newLabel();
    emit_enter(e, frame);
    emit_loop_setup(e, state);
    e.a.align(asmjit::AlignMode::kCode, 16);
    e.a.bind(next_packet);
    if (state.context.reg) e.a.mov(x86::rdi, *state.context.reg);
    if (e.analysis.may_redirect) e.a.mov(env_field(offsetof(vm::RunEnv, redirect_ifindex)), Imm(0));
    emit_begin_run(e, env_register());
    emit_body(e, program, exit, nullptr);
    e.a.bind(exit);
    emit_loop_tail(e, state, next_packet);
    emit_leave(e, frame);
    emit_detours(e);
}

}  // namespace weir::jit
