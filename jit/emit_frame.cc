#include "jit/frame.h"

#include <cstddef>
#include <utility>

#include "vm/base/limits.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
namespace x86 = asmjit::x86;

constexpr uint32_t kRedZoneBytes = 128;  ///< System V ABI, section 3.2.2
constexpr uint32_t kCallAlignBytes = 16;
constexpr size_t kShortLeaveMax = 2;  ///< instructions in front of ret
constexpr uint32_t kEntryAlignBytes = 16;

}  // namespace

Frame plan_frame(std::vector<Gp> saved, bool uses_pointer, uint32_t stack_bytes,
                 uint32_t slot_bytes, bool makes_calls) {
    Frame frame{std::move(saved), uses_pointer, stack_bytes + slot_bytes};
    if (!makes_calls && slot_bytes == 0 && stack_bytes <= kRedZoneBytes) {
        frame.rsp_bytes = 0;
        return frame;
    }
    // The return address is on the stack already.
    const auto pushed_bytes = static_cast<uint32_t>(8 * (frame.saved.size() + 1));
    const uint32_t over = (pushed_bytes + frame.rsp_bytes) % kCallAlignBytes;
    if (makes_calls && over != 0) frame.rsp_bytes += kCallAlignBytes - over;
    return frame;
}

void end_function(Emission& e) {
    if (!e.code_map.functions.empty()) e.code_map.functions.back().end = e.offset();
}

void begin_function(Emission& e, CodeEntry entry, size_t subprogram) {
    end_function(e);
    e.a.align(asmjit::AlignMode::kCode, kEntryAlignBytes);
    CodeFunction& function = e.code_map.functions.emplace_back();
    function.entry = entry;
    function.subprogram = static_cast<uint32_t>(subprogram);
    function.begin = e.offset();
    e.note_place(kNoSlot);
}

void note_frame(Emission& e, size_t pushed, uint32_t rsp_bytes) {
    const auto pushed_bytes = static_cast<uint32_t>(8 * (pushed + 1));
    e.code_map.functions.back().frame.push_back(
        {e.offset(), pushed_bytes + rsp_bytes, static_cast<uint32_t>(pushed)});
}

void emit_enter(Emission& e, const Frame& frame) {
    CodeFunction& function = e.code_map.functions.back();
    for (size_t i = 0; i < frame.saved.size(); ++i) {
        e.a.push(frame.saved[i]);
        function.saved.push_back(static_cast<uint8_t>(frame.saved[i].id()));
        note_frame(e, i + 1, 0);
    }
    if (frame.uses_pointer) e.a.mov(x86::rbp, x86::rsp);
    if (frame.rsp_bytes == 0) return;
    e.a.sub(x86::rsp, Imm(frame.rsp_bytes));
    note_frame(e, frame.saved.size(), frame.rsp_bytes);
}

void emit_take_down(Emission& e, const Frame& frame) {
    if (frame.rsp_bytes != 0) {
        e.a.add(x86::rsp, Imm(frame.rsp_bytes));
        note_frame(e, frame.saved.size(), 0);
    }
    for (size_t i = frame.saved.size(); i-- > 0;) {
        e.a.pop(frame.saved[i]);
        note_frame(e, i, 0);
    }
}

void note_stack(Emission& e, int32_t bytes) {
    std::vector<FrameStep>& frame = e.code_map.functions.back().frame;
    FrameStep step = frame.empty() ? FrameStep{} : frame.back();
    step.offset = e.offset();
    step.caller_bytes += static_cast<uint32_t>(bytes);
    frame.push_back(step);
}

void note_whole_frame(Emission& e, const Frame& frame) {
    note_frame(e, frame.saved.size(), frame.rsp_bytes);
}

void emit_leave(Emission& e, const Frame& frame) {
    emit_take_down(e, frame);
    e.a.ret();
    note_whole_frame(e, frame);
}

void emit_detours(Emission& e) {
    for (const Detour& detour : std::exchange(e.detours, {})) detour(e);
}

void emit_begin_run(Emission& e, const Gp& env) {
    if (e.analysis.tail_calls)
        e.a.mov(x86::dword_ptr(env, offsetof(vm::RunEnv, tail_calls)), Imm(0));
    if (e.analysis.counts_in_env())
        e.a.mov(x86::dword_ptr(env, offsetof(vm::RunEnv, may_gotos_left)), Imm(kMayGotoMax));
}

bool emit_short_leave(Emission& e) {
    const Frame* frame = e.body.frame;
    if (frame == nullptr || frame->saved.size() + (frame->rsp_bytes != 0 ? 1 : 0) > kShortLeaveMax)
        return false;
    emit_leave(e, *frame);
    return true;
}

std::vector<Gp> written_saved_registers(const FunctionFacts& function) {
    std::vector<Gp> saved;
    if (function.uses_frame) saved.push_back(x86::rbp);
    for (uint8_t i = kSavedFirst; i <= kSavedLast; ++i)
        if ((function.saved_written & (1u << i)) != 0) saved.push_back(reg64(i));
    return saved;
}

void emit_subprogram(Emission& e, size_t function) {
    const FunctionFacts& facts = e.analysis.functions[function];
    const Frame frame = plan_frame(written_saved_registers(facts), facts.uses_frame,
                                   facts.stack_bytes, 0, facts.makes_calls);
    e.a.bind(e.functions[function]);
    emit_enter(e, frame);
    const asmjit::Label exit = e.a.newLabel();
    emit_body(e, facts, exit, &frame);
    e.a.bind(exit);
    emit_leave(e, frame);
    emit_detours(e);
}

void emit_single_entry(Emission& e, const asmjit::Label& tail) {
    const FunctionFacts& facts = e.analysis.functions[0];
    std::vector<Gp> saved = written_saved_registers(facts);
    if (e.analysis.needs_env) saved.push_back(env_register());
    const Frame frame =
        plan_frame(std::move(saved), facts.uses_frame, facts.stack_bytes, 0, facts.makes_calls);
    emit_begin_run(e, x86::rdx);
    e.a.bind(tail);
    emit_enter(e, frame);
    if (e.analysis.needs_env) e.a.mov(env_register(), x86::rdx);
    const asmjit::Label exit = e.a.newLabel();
    emit_body(e, facts, exit, &frame);
    e.a.bind(exit);
    emit_leave(e, frame);
    emit_detours(e);
}

}  // namespace weir::jit
