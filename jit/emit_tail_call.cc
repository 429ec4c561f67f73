// Tail calls: a jump into the target's machine code with the frame taken down, so that the target
// has the arguments of an entry (r1 = context, the environment) and returns to who called the
// function that made the tail call. The burst loop, to which its body's targets must return, calls
// instead.
//
// What a run takes of the host's stack is bounded: above a function that makes a tail call lie less
// than 256 bytes of eBPF stack (vm/verifier/stack_depth.cc) in at most seven frames, each with at
// most 72 bytes of its own, and that at most 33 times; below 32 KiB with the last program's frames.

#include <cstddef>
#include <optional>
#include <variant>

#include "jit/emission.h"
#include "jit/emit_lookup.h"
#include "jit/frame.h"
#include "jit/known_value.h"
#include "vm/base/limits.h"
#include "vm/program/lookup_layout.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
namespace x86 = asmjit::x86;

constexpr uint8_t kIndexArgument = 3;

/// Slots of the array, if every run uses the same one.
std::optional<vm::ProgramSlots> known_slots(const CompileInput& input, size_t slot) {
    const uint16_t index = input.facts[slot].map;
    // How many slots there are is a number of the object file.
    if (index >= input.maps.size() || input.options.blind_constants) return std::nullopt;
    const vm::LookupLayout layout = input.maps[index]->lookup_layout();
    const auto* slots = std::get_if<vm::ProgramSlots>(&layout.kind);
    if (slots == nullptr || slots->entries > INT32_MAX) return std::nullopt;
    return *slots;
}

/// rax = what slot r3 holds, 0 if there is none.
void emit_find_in(Emission& e, const vm::ProgramSlots& slots, size_t slot, const Label& failed) {
    const auto known = known_constant(e, slot, kIndexArgument);
    const uint32_t index = known ? static_cast<uint32_t>(*known) : slots.entries;
    if (index < slots.entries) {
        const uint8_t* place = slots.base + uint64_t{index} * slots.stride_bytes;
        emit_constant(e, scratch_b(), reinterpret_cast<uint64_t>(place));
        e.a.mov(x86::rax, x86::qword_ptr(scratch_b()));
        return;
    }
    e.a.mov(x86::eax, reg64(kIndexArgument).r32());
    e.a.cmp(x86::eax, Imm(slots.entries));
    e.a.jae(failed);
    emit_scale(e, x86::rax, slots.stride_bytes);
    emit_constant(e, scratch_b(), reinterpret_cast<uint64_t>(slots.base));
    e.a.mov(x86::rax, x86::qword_ptr(scratch_b(), x86::rax));
}

const vm::Runnable* find_target(const vm::Map& map, uint32_t index) {
    return index < map.spec().entries_max ? map.program_at(index) : nullptr;
}

/// The same by a call, where r2 may be one of several arrays. The context outlives it.
void emit_find_by_call(Emission& e) {
    constexpr int32_t kPaddingBytes = 8;
    e.a.push(reg64(1));
    e.a.sub(x86::rsp, Imm(kPaddingBytes));
    note_stack(e, kPaddingBytes + 8);
    e.a.mov(x86::rdi, reg64(2));
    e.a.mov(x86::esi, reg64(kIndexArgument).r32());
    e.a.call(Imm(reinterpret_cast<uint64_t>(&find_target)));
    e.a.add(x86::rsp, Imm(kPaddingBytes));
    e.a.pop(reg64(1));
    note_stack(e, -kPaddingBytes - 8);
}

void emit_count(Emission& e, const Label& failed) {
    const x86::Mem count = env_field(offsetof(vm::RunEnv, tail_calls));
    e.a.mov(scratch_a().r32(), count);
    e.a.cmp(scratch_a().r32(), Imm(kTailCallsMax));
    e.a.jae(failed);
    e.a.inc(scratch_a().r32());
    e.a.mov(count, scratch_a().r32());
}

/// Where Runnable::tail_entry lies, of any Runnable.
int32_t tail_entry_offset(const vm::Runnable& any) {
    return static_cast<int32_t>(reinterpret_cast<const uint8_t*>(&any.tail_entry) -
                                reinterpret_cast<const uint8_t*>(&any));
}

}  // namespace

void emit_tail_call(Emission& e, size_t slot) {
    WEIR_CHECK(e.input.runnable != nullptr);
    const Label failed = e.a.newLabel();
    if (const auto slots = known_slots(e.input, slot))
        emit_find_in(e, *slots, slot, failed);
    else
        emit_find_by_call(e);
    e.a.test(x86::rax, x86::rax);
    e.a.jz(failed);
    emit_count(e, failed);
    e.a.mov(x86::rax, x86::qword_ptr(x86::rax, tail_entry_offset(*e.input.runnable)));
    e.a.mov(x86::rdx, env_register());
    if (e.body.frame != nullptr) {
        emit_take_down(e, *e.body.frame);
        e.a.jmp(x86::rax);
        note_whole_frame(e, *e.body.frame);
    } else {
        e.a.call(x86::rax);
        e.a.jmp(e.body.exit);
    }
    e.a.bind(failed);
}

}  // namespace weir::jit
