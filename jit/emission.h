#pragma once
// State of one compilation, and the emitters that work on it: one function per form of instruction,
// one file per class.

#include <asmjit/x86.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "jit/analysis.h"
#include "jit/blinding.h"
#include "jit/code_map.h"
#include "jit/compile_input.h"
#include "jit/inline_helper.h"
#include "jit/registers.h"

namespace weir::jit {

/// Keeps the first error that asmjit meets, so that emitters need not look at every return value.
class FirstError : public asmjit::ErrorHandler {
public:
    void handleError(asmjit::Error, const char* message, asmjit::BaseEmitter*) override {
        if (message_.empty()) message_ = message;
    }
    const std::string& message() const { return message_; }

private:
    std::string message_;
};

struct Frame;  // frame.h
struct Emission;

/// A copy of a body that has only some of the slots, and code of its own at some.
class BodyPart {
public:
    virtual ~BodyPart() = default;
    virtual bool includes(uint32_t slot) const = 0;
    /// Called where the code of an included slot begins; true if what it emitted stands for the
    /// instruction.
    virtual bool begin(Emission& e, uint32_t slot) = 0;
};

/// Labels of one copy of a function's body. The program's own body exists several times: alone,
/// inside the burst loop, and in the halves of an overlapped burst.
struct Body {
    const FunctionFacts* function = nullptr;
    std::vector<asmjit::Label> labels;  ///< per slot from function->begin; valid where a jump lands
    asmjit::Label exit;                 ///< where `exit` goes, r0 in rax
    /// What a tail call takes down before it jumps into its target. nullptr: it calls the target
    /// and goes to `exit`; r12 is then the environment, rsp a multiple of 16, and nothing but
    /// call-saved registers and what lies above rsp is kept.
    /// `exit` takes it down, too; it leaves no burst.
    const Frame* frame = nullptr;
};

struct Emission;
/// Code for what happens seldom: it stands behind the function that jumps to it.
using Detour = std::function<void(Emission& e)>;

struct Emission {
    asmjit::x86::Assembler& a;
    const CompileInput& input;
    const Analysis& analysis;
    std::vector<asmjit::Label> functions;  ///< in the order of analysis.functions; [0] is unused
    std::vector<asmjit::Label> callback_entries;  ///< the same; bound of those that are callbacks
    Body body;
    std::string refusal;          ///< first thing that has no machine code
    std::vector<Detour> detours;  ///< of the function at hand
    CodeMap code_map;
    BlindingKeys blinding_keys;

    uint32_t offset() const { return static_cast<uint32_t>(a.offset()); }
    /// What comes next does `slot` (kNoSlot: no instruction of the program).
    void note_place(uint32_t slot) { code_map.places.push_back({offset(), slot}); }

    const asmjit::Label& slot_label(int64_t slot) const {
        return body.labels[static_cast<size_t>(slot) - body.function->begin];
    }
};

/// A field of the environment, `bytes` long.
inline asmjit::x86::Mem env_field(size_t offset, uint32_t bytes = sizeof(uint32_t)) {
    return asmjit::x86::ptr(env_register(), static_cast<int32_t>(offset), bytes);
}

// emit_alu.cc
void emit_constant(Emission& e, const Gp& reg, uint64_t value);
void emit_alu_imm(Emission& e, const vm::DecodedInsn& insn);
void emit_alu_reg(Emission& e, const vm::DecodedInsn& insn);
void emit_negate(Emission& e, const vm::DecodedInsn& insn);
void emit_byte_order(Emission& e, const vm::DecodedInsn& insn, size_t slot);
/// The host is little-endian: be and bswap swap, le only cuts.
bool swaps_bytes(vm::Op op);

// emit_shift.cc
void emit_shift_imm(Emission& e, const vm::DecodedInsn& insn);
void emit_shift_reg(Emission& e, const vm::DecodedInsn& insn);

// emit_divide.cc: div, mod, sdiv, smod
void emit_divide_imm(Emission& e, const vm::DecodedInsn& insn);
void emit_divide_reg(Emission& e, const vm::DecodedInsn& insn);

// emit_memory.cc
void emit_load(Emission& e, const vm::DecodedInsn& insn);
/// The same from another place than it names.
void emit_load_from(Emission& e, const vm::DecodedInsn& load, const asmjit::x86::Mem& source);
void emit_store_imm(Emission& e, const vm::DecodedInsn& insn);
/// `value` in the place of the register that `store` stores.
void emit_store_constant(Emission& e, const vm::DecodedInsn& store, int64_t value);
void emit_store_reg(Emission& e, const vm::DecodedInsn& insn);
void emit_load_imm64(Emission& e, const vm::DecodedInsn& insn, size_t slot);

// blinding.cc
/// A number that the program chose; every such number goes into code through here, or through
/// emit_blinded.
void emit_program_constant(Emission& e, const Gp& reg, uint64_t value);
/// The same, `bits` wide, in a scratch register.
Gp emit_program_operand(Emission& e, int64_t imm, uint32_t bits);
/// Arithmetic, stores and loads of constants in the form with no constant of the program in it;
/// false where the usual form has none.
bool emit_blinded(Emission& e, const vm::DecodedInsn& insn);

// emit_atomic.cc
void emit_atomic(Emission& e, const vm::DecodedInsn& insn);

// emit_jump.cc
/// The verifier proved which way the conditional jump at `slot` goes.
bool is_one_sided(const Emission& e, size_t slot);
/// Where the jump at `slot` leads, if the flags say `condition`.
void emit_branch(Emission& e, asmjit::x86::CondCode condition, size_t slot);
void emit_jump_imm(Emission& e, const vm::DecodedInsn& insn, size_t slot);
void emit_jump_reg(Emission& e, const vm::DecodedInsn& insn, size_t slot);
void emit_goto(Emission& e, const vm::DecodedInsn& insn, size_t slot);
void emit_may_goto(Emission& e, const vm::DecodedInsn& insn, size_t slot);

// emit_call.cc
void emit_call_helper(Emission& e, const vm::DecodedInsn& insn, size_t slot);
void emit_call_kfunc(Emission& e, const vm::DecodedInsn& insn, size_t slot);
void emit_call_local(Emission& e, const vm::DecodedInsn& insn, size_t slot);
void emit_call_register(Emission& e, const vm::DecodedInsn& insn);
/// A call of code that takes a helper's arguments.
void emit_plain_call(Emission& e, vm::HelperFn function);

// emit_callback.cc
/// The way into a function from C++, as a HelperFn.
void emit_callback_entry(Emission& e, size_t function);
void emit_load_code_address(Emission& e, const vm::DecodedInsn& insn, size_t slot);
/// bpf_loop as a loop with direct calls; false where the call at `slot` is another one, or its
/// function is not known.
bool emit_loop(Emission& e, size_t slot);
/// Before a call of a helper that calls back, or has functions called later.
void emit_callback_state(Emission& e);

// emit_tail_call.cc
/// A jump into the program in the slot, or on where there is none.
void emit_tail_call(Emission& e, size_t slot);

// emit_cheap_helpers.cc
void emit_cheap_helper(Emission& e, const CheapHelper& helper, size_t slot);

// emit_inline.cc
/// Emits code in place of the helper call at `slot`; false if a plain call must do
/// (inline_helper.h).
bool emit_inline_helper(Emission& e, size_t slot);
/// The same of a look-up and the jump behind it that asks whether it found something: both at once.
/// Returns how many slots that took, 0 if there are no such two.
size_t emit_lookup_and_jump(Emission& e, size_t slot);

// peephole.cc
/// Emits shorter code for a group of instructions from `slot` on; returns how many slots it took, 0
/// if nothing fits.
size_t emit_fused(Emission& e, size_t slot);

// emit_body.cc
/// Instructions of the function; falls through to `exit`, which the caller binds right behind.
/// `frame`: as Body has it. All of them, or those of `part`.
void emit_body(Emission& e, const FunctionFacts& function, const asmjit::Label& exit,
               const Frame* frame, BodyPart* part = nullptr);

// emit_outcome.cc
/// At an `exit` where may_abort() holds: an entry in RunEnv::aborts, if r0 asks for it.
void emit_note_abort(Emission& e, size_t slot);
/// Behind a packet of a burst: keep_map_redirect(), its redirect_ifindex in `redirect`, which is
/// lost with the other scratch registers.
void emit_keep_map_redirect(Emission& e, const Gp& redirect);

// emit_frame.cc
/// Ends the function before, if any, and begins one that calls enter here.
void begin_function(Emission& e, CodeEntry entry, size_t subprogram);
void end_function(Emission& e);
/// What the function left for behind its end.
void emit_detours(Emission& e);
/// Leaves the function where that takes hardly more than a jump to its end; false: it does not.
bool emit_short_leave(Emission& e);
void emit_subprogram(Emission& e, size_t function);
/// uint64_t (*)(uint64_t r1, uint64_t r2, RunEnv*). Binds `tail` where tail calls of other programs
/// enter, with the same arguments.
void emit_single_entry(Emission& e, const asmjit::Label& tail);
// emit_burst.cc
/// void (*)(XdpContext*, XdpContext* end, uint32_t* verdicts, uint32_t* redirects, RunEnv*)
void emit_burst_entry(Emission& e);

// emit_overlap.cc
struct OverlapPlan;
struct OverlapLabels {
    asmjit::Label start, through;     ///< OverlapCode
    asmjit::Label advance, complete;  ///< OverlapPass
};
OverlapLabels emit_overlap(Emission& e, const OverlapPlan& plan);

}  // namespace weir::jit
