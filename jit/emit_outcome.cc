// What a run leaves in RunEnv beside its verdict, for who counts: the exit where it aborted, and
// the map by which it redirects. Both are seldom, and stand behind the function.

#include <cstddef>

#include "jit/emission.h"
#include "vm/program/context.h"
#include "vm/program/run.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
namespace x86 = asmjit::x86;

void emit_log_entry(Emission& e, size_t slot) {
    constexpr size_t kLog = offsetof(vm::RunEnv, aborts);
    const x86::Mem count = env_field(kLog + offsetof(vm::AbortLog, count));
    const auto exits = static_cast<int32_t>(kLog + offsetof(vm::AbortLog, exits));
    e.a.mov(scratch_a().r32(), count);
    e.a.mov(scratch_b().r32(), scratch_a().r32());
    e.a.and_(scratch_b().r32(), Imm(vm::AbortLog::kEntries - 1));
    e.a.inc(scratch_a().r32());
    e.a.mov(count, scratch_a().r32());
    emit_constant(e, scratch_a(), uint64_t{e.input.options.number} << 32 | slot);
    e.a.mov(x86::qword_ptr(env_register(), scratch_b(), 3, exits), scratch_a());
}

}  // namespace

void emit_note_abort(Emission& e, size_t slot) {
    if (e.input.facts[slot].dst.most == vm::XDP_ABORTED) return emit_log_entry(e, slot);
    const Label aborted = e.a.newLabel(), done = e.a.newLabel();
    e.a.lea(scratch_a().r32(), x86::ptr(x86::rax, -1));
    e.a.cmp(scratch_a().r32(), Imm(vm::XDP_REDIRECT));
    e.a.jae(aborted);
    e.a.bind(done);
    e.detours.push_back([slot, aborted, done](Emission& at) {
        at.a.bind(aborted);
        emit_log_entry(at, slot);
        at.a.jmp(done);
    });
}

void emit_keep_map_redirect(Emission& e, const Gp& redirect) {
    if (!e.analysis.may_redirect_by_map) return;
    const Label by_map = e.a.newLabel(), done = e.a.newLabel();
    e.a.cmp(redirect, Imm(static_cast<int32_t>(vm::kRedirectByMap)));
    e.a.je(by_map);
    e.a.bind(done);
    e.detours.push_back([by_map, done](Emission& at) {
        const x86::Mem place = env_field(offsetof(vm::RunEnv, map_redirects), 8);
        at.a.bind(by_map);
        at.a.mov(scratch_a(), place);
        at.a.test(scratch_a(), scratch_a());
        at.a.jz(done);
        for (uint32_t i = 0; i < sizeof(vm::Redirect); i += 8) {
            at.a.mov(scratch_b(), env_field(offsetof(vm::RunEnv, redirect_to) + i, 8));
            at.a.mov(x86::qword_ptr(scratch_a(), static_cast<int32_t>(i)), scratch_b());
        }
        at.a.add(scratch_a(), Imm(sizeof(vm::Redirect)));
        at.a.mov(place, scratch_a());
        at.a.jmp(done);
    });
}

}  // namespace weir::jit
