// Functions of the program that helpers call. Their address is that of a small entry with the form
// of a helper, which puts the environment where machine code has it.

#include <cstddef>

#include "jit/callback.h"
#include "jit/emission.h"
#include "jit/frame.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
namespace x86 = asmjit::x86;

void emit_store_address(Emission& e, size_t field_offset, uint64_t address) {
    emit_constant(e, scratch_a(), address);
    e.a.mov(x86::qword_ptr(env_register(), static_cast<int32_t>(field_offset)), scratch_a());
}

}  // namespace

uint64_t call_function(vm::RunEnv& env, uint64_t function,
                       const std::array<uint64_t, 5>& arguments) {
    const auto& [r1, r2, r3, r4, r5] = arguments;
    return reinterpret_cast<vm::HelperFn>(function)(r1, r2, r3, r4, r5, env);
}

void emit_callback_entry(Emission& e, size_t function) {
    begin_function(e, CodeEntry::kCallback, function);
    e.a.bind(e.callback_entries[function]);
    e.a.push(env_register());  // also aligns the stack for the call
    e.code_map.functions.back().saved = {static_cast<uint8_t>(env_register().id())};
    note_frame(e, 1, 0);
    e.a.mov(env_register(), x86::r9);
    e.a.call(e.functions[function]);
    e.a.pop(env_register());
    note_frame(e, 0, 0);
    e.a.ret();
}

void emit_load_code_address(Emission& e, const vm::DecodedInsn& insn, size_t slot) {
    const auto entry = static_cast<uint32_t>(code_target(insn, slot));
    const asmjit::Label& label = e.callback_entries[e.analysis.function_at(entry)];
    e.a.lea(reg64(insn.dst), x86::ptr(label));
}

void emit_callback_state(Emission& e) {
    emit_store_address(e, offsetof(vm::RunEnv, call), reinterpret_cast<uint64_t>(&call_function));
    emit_store_address(e, offsetof(vm::RunEnv, program),
                       reinterpret_cast<uint64_t>(e.input.runnable));
}

}  // namespace weir::jit
