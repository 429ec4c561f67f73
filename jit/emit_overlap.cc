// The two halves of an overlapped burst (overlap_plan.h). Each is a pass over the packets' frames:
//
//   advance:   rbp = first frame; for each: jump to its `next`
//   complete:  rbp = first frame; for each: jump to its `finish`
//
// rbp is eBPF's r10 and, from there upwards, the packet's OverlapFrame; rsp stays the host's, where
// the pass keeps its end and whether somebody waits. A stop stores the registers that matter and
// where the packet goes on, then jumps to the next packet. Who is through, or waits for the
// completion, has as `next` the code that goes to the next packet; `finish` is that of the
// completion until the packet parks.

#include <cstddef>
#include <vector>

#include "jit/emission.h"
#include "jit/emit_lookup.h"
#include "jit/frame.h"
#include "jit/overlap_plan.h"
#include "jit/overlap_run.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
namespace x86 = asmjit::x86;

constexpr int32_t kEndOffset = 0, kWaitsOffset = 8;  ///< from rsp
constexpr uint32_t kPassBytes = 24;  ///< with the return address and six registers a multiple of 16
constexpr std::array kSavedByPass = {Gp::kIdBp,  Gp::kIdBx,  Gp::kIdR12,
                                     Gp::kIdR13, Gp::kIdR14, Gp::kIdR15};

x86::Mem in_frame(size_t offset) {
    return x86::qword_ptr(x86::rbp, static_cast<int32_t>(offset));
}
x86::Mem in_frame32(size_t offset) {
    return x86::dword_ptr(x86::rbp, static_cast<int32_t>(offset));
}
x86::Mem kept_register(uint8_t reg) {
    return in_frame(offsetof(OverlapFrame, registers) + reg * sizeof(uint64_t));
}

void emit_set_address(Emission& e, size_t field, const Label& code) {
    e.a.lea(scratch_a(), x86::ptr(code));
    e.a.mov(in_frame(field), scratch_a());
}

void emit_keep(Emission& e, RegisterSet registers) {
    for (uint8_t reg = 0; reg < kFramePointer; ++reg)
        if ((registers & set_of(reg)) != 0) e.a.mov(kept_register(reg), reg64(reg));
}

void emit_take_back(Emission& e, RegisterSet registers) {
    for (uint8_t reg = 0; reg < kFramePointer; ++reg)
        if ((registers & set_of(reg)) != 0) e.a.mov(reg64(reg), kept_register(reg));
}

KeyPlace prefix_key(const Emission& e, const OverlapStop& stop, const InlinePrefixLookup& prefix) {
    const uint32_t length_bytes = sizeof(uint32_t);
    return KeyPlace::find(e, stop.slot, length_bytes + prefix.layout.address_bytes);
}

/// Registers that matter at a stop. Look-ups in place make the map's address themselves, and that
/// of a key on the stack.
RegisterSet kept_at(const Emission& e, const OverlapStop& stop) {
    RegisterSet kept = e.analysis.liveness.before(stop.slot);
    if (stop.kind == OverlapStop::Kind::Park) return kept;
    const HelperForm form = helper_form(e.input, stop.slot);
    if (const auto* hash = std::get_if<InlineHashLookup>(&form)) {
        kept &= static_cast<RegisterSet>(~set_of(1));
        if (KeyPlace::find(e, stop.slot, hash->layout.key_bytes).is_on_stack())
            kept &= static_cast<RegisterSet>(~set_of(2));
    }
    if (const auto* prefix = std::get_if<InlinePrefixLookup>(&form)) {
        if (has_prefix_questions(*prefix, prefix_key(e, stop, *prefix)))
            kept &= static_cast<RegisterSet>(~(set_of(1) | set_of(2)));
    }
    return kept;
}

/// The loop over the frames of one half; `field` holds where a packet goes on.
struct Pass {
    Label entry, next_packet;
    size_t field;

    Pass(Emission& e, size_t field_offset)
        : entry(e.a.newLabel()), next_packet(e.a.newLabel()), field(field_offset) {}

    void emit_entry(Emission& e, CodeEntry kind) const {
        begin_function(e, kind, 0);
        e.a.bind(entry);
        for (size_t i = 0; i < kSavedByPass.size(); ++i) {
            e.a.push(x86::gpq(kSavedByPass[i]));
            e.code_map.functions.back().saved.push_back(static_cast<uint8_t>(kSavedByPass[i]));
            note_frame(e, i + 1, 0);
        }
        e.a.sub(x86::rsp, Imm(kPassBytes));
        note_frame(e, kSavedByPass.size(), kPassBytes);
        e.a.mov(x86::qword_ptr(x86::rsp, kEndOffset), x86::rsi);
        e.a.mov(x86::dword_ptr(x86::rsp, kWaitsOffset), Imm(0));
        e.a.mov(x86::rbp, x86::rdi);
        e.a.mov(env_register(), x86::rdx);
        e.a.jmp(in_frame(field));
    }

    void emit_next_packet(Emission& e, uint32_t stride_bytes) const {
        const Label end = e.a.newLabel();
        e.a.bind(next_packet);
        e.a.add(x86::rbp, Imm(stride_bytes));
        e.a.cmp(x86::rbp, x86::qword_ptr(x86::rsp, kEndOffset));
        e.a.jae(end);
        e.a.jmp(in_frame(field));
        e.a.bind(end);
        e.a.mov(x86::eax, x86::dword_ptr(x86::rsp, kWaitsOffset));
        e.a.add(x86::rsp, Imm(kPassBytes));
        note_frame(e, kSavedByPass.size(), 0);
        for (size_t i = kSavedByPass.size(); i-- > 0;) {
            e.a.pop(x86::gpq(kSavedByPass[i]));
            note_frame(e, i, 0);
        }
        e.a.ret();
        note_frame(e, kSavedByPass.size(), kPassBytes);
    }
};

struct Halves {
    const OverlapPlan& plan;
    Pass advance, complete;
    std::vector<Label> finish;  ///< per stop: restores the registers, goes on in the completion

    const Label& finish_of(const OverlapStop& stop) const {
        return finish[static_cast<size_t>(&stop - plan.stops.data())];
    }
};

class Advance final : public BodyPart {
public:
    explicit Advance(const Halves& halves) : halves_(halves) {}

    bool includes(uint32_t slot) const override { return halves_.plan.advances[slot] != 0; }

    bool begin(Emission& e, uint32_t slot) override {
        const OverlapStop* const stop = halves_.plan.stop_at(slot);
        if (stop == nullptr) return false;
        emit_keep(e, kept_at(e, *stop));
        if (stop->kind != OverlapStop::Kind::AskOnly)
            emit_set_address(e, offsetof(OverlapFrame, finish), halves_.finish_of(*stop));
        const Label go_on = e.a.newLabel();
        if (stop->kind != OverlapStop::Kind::Park) emit_questions(e, *stop, go_on);
        e.a.bind(go_on);
        if (stop->kind == OverlapStop::Kind::AskOnly) {
            emit_take_back(e, kept_at(e, *stop));
            return false;
        }
        emit_set_address(e, offsetof(OverlapFrame, next), halves_.advance.next_packet);
        e.a.jmp(halves_.advance.next_packet);
        return true;
    }

private:
    /// Goes to `go_on` when nothing more is to be waited for.
    void emit_questions(Emission& e, const OverlapStop& stop, const Label& go_on) const {
        const HelperForm form = helper_form(e.input, stop.slot);
        if (const auto* hash = std::get_if<InlineHashLookup>(&form))
            return emit_hash_questions(e, stop, *hash, go_on);
        if (const auto* prefix = std::get_if<InlinePrefixLookup>(&form)) {
            const KeyPlace key = prefix_key(e, stop, *prefix);
            if (has_prefix_questions(*prefix, key))
                return emit_prefix_questions(e, stop, *prefix, key, go_on);
        }
        emit_question_calls(e, stop, go_on);
    }

    /// What the look-up waits for is on its way; the packet goes on at `code` when its turn comes.
    void emit_wait(Emission& e, const Label& code) const {
        e.a.mov(x86::dword_ptr(x86::rsp, kWaitsOffset), Imm(1));
        emit_set_address(e, offsetof(OverlapFrame, next), code);
        e.a.jmp(halves_.advance.next_packet);
    }

    void emit_hash_questions(Emission& e, const OverlapStop& stop, const InlineHashLookup& hash,
                             const Label& go_on) const {
        const Label second = e.a.newLabel();
        const auto [hash_register, bucket_register] = kHashQuestionRegisters;
        emit_hash_question(e, hash, KeyPlace::find(e, stop.slot, hash.layout.key_bytes));
        e.a.mov(in_frame(offsetof(OverlapFrame, ticket)), hash_register);
        e.a.mov(in_frame(offsetof(OverlapFrame, bucket)), bucket_register);
        emit_wait(e, second);
        e.a.bind(second);
        e.a.mov(hash_register, in_frame(offsetof(OverlapFrame, ticket)));
        e.a.mov(bucket_register, in_frame(offsetof(OverlapFrame, bucket)));
        emit_hash_question_on(e, hash, go_on);
        emit_wait(e, go_on);
    }

    /// Slots that lead on are left to LookupSteps' second function.
    void emit_prefix_questions(Emission& e, const OverlapStop& stop,
                               const InlinePrefixLookup& prefix, const KeyPlace& key,
                               const Label& go_on) const {
        constexpr uint64_t kFirstTicket = 1;
        const Label second = e.a.newLabel(), otherwise = e.a.newLabel(), ask_on = e.a.newLabel();
        emit_prefix_question(e, prefix, key);
        emit_wait(e, second);
        e.a.bind(second);
        emit_prefix_question_on(e, prefix, key, go_on, otherwise);
        emit_wait(e, go_on);
        e.a.bind(otherwise);
        e.a.mov(in_frame(offsetof(OverlapFrame, ticket)), Imm(kFirstTicket));
        e.a.bind(ask_on);
        e.a.lea(x86::rsi, key.at(0, sizeof(uint64_t)));
        emit_ask_on(e, stop, ask_on, go_on);
    }

    /// By LookupSteps' two functions; r2 holds the key.
    void emit_question_calls(Emission& e, const OverlapStop& stop, const Label& go_on) const {
        const Label ask_on = e.a.newLabel();
        emit_call(e, stop, reinterpret_cast<uint64_t>(stop.steps.ask));
        emit_answer(e, ask_on, go_on);
        e.a.bind(ask_on);
        e.a.mov(x86::rsi, kept_register(2));
        emit_ask_on(e, stop, ask_on, go_on);
    }

    /// rsi points to the key.
    void emit_ask_on(Emission& e, const OverlapStop& stop, const Label& ask_on,
                     const Label& go_on) const {
        e.a.mov(x86::rcx, in_frame(offsetof(OverlapFrame, ticket)));
        emit_call(e, stop, reinterpret_cast<uint64_t>(stop.steps.ask_on));
        emit_answer(e, ask_on, go_on);
    }

    static void emit_call(Emission& e, const OverlapStop& stop, uint64_t function) {
        emit_constant(e, x86::rdi, reinterpret_cast<uint64_t>(stop.map));
        e.a.mov(x86::edx, env_field(offsetof(vm::RunEnv, cpu)));
        e.a.call(Imm(function));
    }

    /// The ticket is in rax.
    void emit_answer(Emission& e, const Label& ask_on, const Label& go_on) const {
        const Label last = e.a.newLabel();
        e.a.test(x86::rax, x86::rax);
        e.a.jz(go_on);
        e.a.js(last);
        e.a.mov(in_frame(offsetof(OverlapFrame, ticket)), x86::rax);
        emit_wait(e, ask_on);
        e.a.bind(last);
        emit_wait(e, go_on);
    }

    const Halves& halves_;
};

class Completion final : public BodyPart {
public:
    explicit Completion(const OverlapPlan& plan) : plan_(plan) {}

    bool includes(uint32_t slot) const override { return plan_.completes[slot] != 0; }
    bool begin(Emission&, uint32_t) override { return false; }

private:
    const OverlapPlan& plan_;
};

/// Ways into the completion's body, whose labels are still at hand.
void emit_finishes(Emission& e, const Halves& halves) {
    for (const OverlapStop& stop : halves.plan.stops) {
        if (stop.kind == OverlapStop::Kind::AskOnly) continue;
        e.a.bind(halves.finish_of(stop));
        emit_take_back(e, kept_at(e, stop));
        emit_begin_run(e, env_register());
        if (e.analysis.may_redirect)
            e.a.mov(env_field(offsetof(vm::RunEnv, redirect_ifindex)), Imm(0));
        e.a.jmp(e.slot_label(stop.slot));
    }
}

void emit_advance(Emission& e, const Halves& halves, const Label& start) {
    const FunctionFacts& program = e.analysis.functions[0];
    const Label exit = e.a.newLabel();
    halves.advance.emit_entry(e, CodeEntry::kAdvance);
    e.a.bind(start);
    e.a.mov(reg64(1), in_frame(offsetof(OverlapFrame, context)));
    Advance part(halves);
    emit_body(e, program, exit, nullptr, &part);
    e.a.bind(exit);
    e.a.mov(in_frame32(offsetof(OverlapFrame, verdict)), x86::eax);
    emit_set_address(e, offsetof(OverlapFrame, next), halves.advance.next_packet);
    halves.advance.emit_next_packet(e, overlap_stride_bytes(program.stack_bytes));
    emit_detours(e);
}

void emit_completion(Emission& e, const Halves& halves) {
    const FunctionFacts& program = e.analysis.functions[0];
    const Label exit = e.a.newLabel();
    halves.complete.emit_entry(e, CodeEntry::kComplete);
    Completion part(halves.plan);
    emit_body(e, program, exit, nullptr, &part);
    e.a.bind(exit);
    e.a.mov(in_frame32(offsetof(OverlapFrame, verdict)), x86::eax);
    if (e.analysis.may_redirect) {
        e.a.mov(scratch_a().r32(), env_field(offsetof(vm::RunEnv, redirect_ifindex)));
        e.a.mov(in_frame32(offsetof(OverlapFrame, redirect)), scratch_a().r32());
        emit_keep_map_redirect(e, scratch_a().r32());
    }
    halves.complete.emit_next_packet(e, overlap_stride_bytes(program.stack_bytes));
    emit_finishes(e, halves);
    emit_detours(e);
}

}  // namespace

OverlapLabels emit_overlap(Emission& e, const OverlapPlan& plan) {
    Halves halves{
        plan, Pass(e, offsetof(OverlapFrame, next)), Pass(e, offsetof(OverlapFrame, finish)), {}};
    for (size_t i = 0; i < plan.stops.size(); ++i) halves.finish.push_back(e.a.newLabel());
    const OverlapLabels labels{e.a.newLabel(), halves.complete.next_packet, halves.advance.entry,
                               halves.complete.entry};
    emit_advance(e, halves, labels.start);
    emit_completion(e, halves);
    return labels;
}

}  // namespace weir::jit
