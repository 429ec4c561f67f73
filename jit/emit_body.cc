// Walks over the instructions of one function. The form chooses the emitter; what the verifier
// found unreachable gets no code.

#include <utility>

#include "jit/emission.h"

namespace weir::jit {
namespace {

using vm::Format;

void emit_call_insn(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    if (insn.op == vm::Op::kCallLocal) return emit_call_local(e, insn, slot);
    if (insn.op == vm::Op::kCallKfunc) return emit_call_kfunc(e, insn, slot);
    emit_call_helper(e, insn, slot);
}

void emit_insn(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    if (e.input.options.blind_constants && emit_blinded(e, insn)) return;
    switch (vm::op_info(insn.op).format) {
        case Format::AluImm: return emit_alu_imm(e, insn);
        case Format::AluReg: return emit_alu_reg(e, insn);
        case Format::AluUnary: return emit_negate(e, insn);
        case Format::ByteOrder: return emit_byte_order(e, insn, slot);
        case Format::JumpImm: return emit_jump_imm(e, insn, slot);
        case Format::JumpReg: return emit_jump_reg(e, insn, slot);
        case Format::Goto:
        case Format::GotoLong: return emit_goto(e, insn, slot);
        case Format::Call: return emit_call_insn(e, insn, slot);
        case Format::CallReg: return emit_call_register(e, insn);
        case Format::Exit:
            if (e.body.function->begin == 0 && may_abort(e.input, slot)) emit_note_abort(e, slot);
            if (slot + 1 != e.body.function->end && !emit_short_leave(e)) e.a.jmp(e.body.exit);
            return;
        case Format::LoadImm64: return emit_load_imm64(e, insn, slot);
        case Format::Load: return emit_load(e, insn);
        case Format::StoreImm: return emit_store_imm(e, insn);
        case Format::StoreReg: return emit_store_reg(e, insn);
        case Format::Atomic: return emit_atomic(e, insn);
        case Format::MayGoto: return emit_may_goto(e, insn, slot);
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: WEIR_CHECK(!"refused by the analysis");
    }
}

/// What nobody can tell from doing nothing: a result that nobody reads, or a cut to 32 bits of what
/// has no more. Of proven programs only, since a load that nobody proved may fault.
bool is_without_effect(const Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    if (e.input.facts.empty() || !(only_computes(insn.op) || only_loads(insn.op))) return false;
    if (e.analysis.liveness.is_dead_after(slot, insn.dst)) return true;
    return insn.op == vm::Op::kMov32Reg && insn.dst == insn.src &&
           e.input.facts[slot].src.most <= UINT32_MAX;
}

Body make_body(Emission& e, const FunctionFacts& function, const asmjit::Label& exit,
               const Frame* frame) {
    Body body{&function, std::vector<asmjit::Label>(function.end - function.begin), exit, frame};
    for (uint32_t slot = function.begin; slot < function.end; ++slot)
        if (e.analysis.is_jump_target(slot)) body.labels[slot - function.begin] = e.a.newLabel();
    return body;
}

void bind_slot(Emission& e, uint32_t slot) {
    constexpr uint32_t kLoopAlignBytes = 16;
    if (!e.analysis.is_jump_target(slot)) return;
    if (e.analysis.heads_loop(slot)) e.a.align(asmjit::AlignMode::kCode, kLoopAlignBytes);
    e.a.bind(e.slot_label(slot));
}

/// Code for what begins at `slot`; returns how many slots that is. All of them have their place at
/// its start.
uint32_t emit_next(Emission& e, uint32_t slot, BodyPart* part) {
    const uint32_t begin = e.offset();
    const vm::DecodedInsn& insn = e.input.slots[slot].insn;
    e.note_place(slot);
    if (part != nullptr && part->begin(e, slot)) return insn.slots();
    if (is_without_effect(e, insn, slot)) return insn.slots();
    const auto fused = static_cast<uint32_t>(emit_fused(e, slot));
    if (fused == 0) emit_insn(e, insn, slot);
    for (uint32_t i = 1; i < fused; ++i)
        if (!e.input.slots[slot + i].second_slot) e.code_map.places.push_back({begin, slot + i});
    return fused != 0 ? fused : insn.slots();
}

/// Detours that an instruction asked for are its code, too.
void note_detours(Emission& e, size_t before, uint32_t slot) {
    for (size_t i = before; i < e.detours.size(); ++i)
        e.detours[i] = [slot, detour = std::move(e.detours[i])](Emission& at) {
            at.note_place(slot);
            detour(at);
        };
}

}  // namespace

void emit_body(Emission& e, const FunctionFacts& function, const asmjit::Label& exit,
               const Frame* frame, BodyPart* part) {
    e.body = make_body(e, function, exit, frame);
    for (uint32_t slot = function.begin; slot < function.end;) {
        bind_slot(e, slot);
        if (!e.input.reachable(slot) || (part != nullptr && !part->includes(slot))) {
            ++slot;
            continue;
        }
        const size_t detours_before = e.detours.size();
        const uint32_t slots = emit_next(e, slot, part);
        note_detours(e, detours_before, slot);
        slot += slots;
    }
    e.note_place(kNoSlot);
}

}  // namespace weir::jit
