// bpf_loop without the helper, where its function is known: the kernel's verifier does the same
// (inline_bpf_loop, kernel/bpf/verifier.c).

#include <cerrno>
#include <optional>

#include "jit/emission.h"
#include "jit/frame.h"
#include "jit/register_use.h"
#include "vm/base/limits.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
namespace x86 = asmjit::x86;

constexpr uint8_t kCallbackArgument = 2;
constexpr uint32_t kLoopsMax = kMayGotoMax;  ///< BPF_MAX_LOOPS bounds both
constexpr int32_t kPushedBytes = 24, kPaddingBytes = 8;

// Of the program's registers that the callback keeps, these are the loop's meanwhile.
Gp round_register() {
    return x86::rbx;
}
Gp rounds_register() {
    return x86::r13;
}
Gp context_register() {
    return x86::r14;
}

/// The function whose address r2 got in the same straight piece of code, by its first slot.
std::optional<uint32_t> known_callback(const Emission& e, size_t slot) {
    while (slot > e.body.function->begin && !e.analysis.is_jump_target(slot)) {
        --slot;
        if (e.input.slots[slot].second_slot) continue;
        if (!e.input.reachable(slot)) return std::nullopt;
        const vm::DecodedInsn& insn = e.input.slots[slot].insn;
        if ((register_use(insn, true).writes & set_of(kCallbackArgument)) == 0) continue;
        if (insn.op != vm::Op::kLoadCodeAddr) return std::nullopt;
        return static_cast<uint32_t>(code_target(insn, slot));
    }
    return std::nullopt;
}

/// Ends in `done` with what the helper returns: -EINVAL of 64 bits, -E2BIG of 32 (see
/// vm/helpers/loop.cc).
void emit_refusals(Emission& e, const Label& done) {
    const Label flags = e.a.newLabel(), rounds = e.a.newLabel();
    e.a.test(reg64(4), reg64(4));
    e.a.jnz(flags);
    e.a.cmp(reg64(1).r32(), Imm(kLoopsMax));
    e.a.ja(rounds);
    e.detours.push_back([=](Emission& behind) {
        behind.a.bind(flags);
        behind.a.mov(x86::rax, Imm(-EINVAL));
        behind.a.jmp(done);
        behind.a.bind(rounds);
        behind.a.mov(x86::eax, Imm(-E2BIG));
        behind.a.jmp(done);
    });
}

/// The result is how many rounds began.
void emit_rounds(Emission& e, const Label& callback) {
    const Label again = e.a.newLabel(), over = e.a.newLabel();
    const Gp round = round_register().r32(), rounds = rounds_register().r32();
    e.a.xor_(round, round);
    e.a.mov(rounds, reg64(1).r32());
    e.a.mov(context_register(), reg64(3));
    e.a.test(rounds, rounds);
    e.a.jz(over);
    e.a.bind(again);
    e.a.mov(reg64(1).r32(), round);
    e.a.mov(reg64(2), context_register());
    e.a.call(callback);
    e.a.inc(round);
    e.a.test(x86::rax, x86::rax);
    e.a.jnz(over);
    e.a.cmp(round, rounds);
    e.a.jb(again);
    e.a.bind(over);
    e.a.mov(x86::eax, round);
}

}  // namespace

bool emit_loop(Emission& e, size_t slot) {
    const bool is_loop =
        !e.input.facts.empty() && e.input.slots[slot].insn.imm == number_of(vm::HelperId::loop);
    const auto callback = is_loop ? known_callback(e, slot) : std::nullopt;
    if (!callback) return false;
    const Label done = e.a.newLabel();
    emit_refusals(e, done);
    e.a.push(round_register());
    e.a.push(rounds_register());
    e.a.push(context_register());
    e.a.sub(x86::rsp, Imm(kPaddingBytes));  // a multiple of 16 in all
    note_stack(e, kPushedBytes + kPaddingBytes);
    emit_rounds(e, e.functions[e.analysis.function_at(*callback)]);
    e.a.add(x86::rsp, Imm(kPaddingBytes));
    e.a.pop(context_register());
    e.a.pop(rounds_register());
    e.a.pop(round_register());
    note_stack(e, -kPushedBytes - kPaddingBytes);
    e.a.bind(done);
    return true;
}

}  // namespace weir::jit
