#pragma once
// What the back end compiles: the common form behind compile() (proven programs) and the test door
// (unproven ones).

#include <cstdint>
#include <span>
#include <vector>

#include "jit/jit.h"
#include "vm/base/result.h"
#include "vm/isa/insn.h"
#include "vm/program/map.h"
#include "vm/program/run.h"
#include "vm/program/verified.h"

namespace weir::jit {

/// Extensions of x86-64 that make shorter code; read from the CPU at run time.
struct CpuFeatures {
    bool bmi2 = false, movbe = false;
};

struct FunctionInput {
    uint32_t entry = 0;        ///< first slot; function 0 is the program itself, at slot 0
    uint32_t stack_bytes = 0;  ///< how far below r10 it reaches
};

struct CompileInput {
    std::span<const vm::DecodedSlot> slots;
    std::span<const vm::InsnFact> facts;   ///< one per slot; empty: nothing is proven
    std::vector<FunctionInput> functions;  ///< sorted by entry
    std::span<vm::Map* const> maps;
    const vm::HelperTable* helpers = nullptr;
    CpuFeatures cpu;
    CompileOptions options;
    /// Who this will be for prog arrays and timers; nullptr of unproven programs, which have
    /// neither.
    const vm::Runnable* runnable = nullptr;
    bool notes_aborts = false;  ///< of programs whose r0 is a verdict

    bool reachable(size_t slot) const {
        return !slots[slot].second_slot && (facts.empty() || facts[slot].reachable);
    }
};

/// Whether the helper call at `slot` is bpf_tail_call, which is no call. Unproven programs give
/// the helpers' ids meanings of their own.
inline bool is_tail_call(const CompileInput& input, size_t slot) {
    return !input.facts.empty() && input.slots[slot].insn.imm == number_of(vm::HelperId::tail_call);
}

/// Whether some run ends at this `exit` of the program's own function with XDP_ABORTED or what is
/// no verdict, as far as is known.
inline bool may_abort(const CompileInput& input, size_t slot) {
    if (!input.notes_aborts) return false;
    const vm::ValueRange& r0 = input.facts[slot].dst;
    return r0.least < vm::XDP_DROP || r0.most > vm::XDP_REDIRECT;
}

/// The function whose address a LoadCodeAddr at `slot` gives.
inline int64_t code_target(const vm::DecodedInsn& insn, size_t slot) {
    return static_cast<int64_t>(slot) + 1 + insn.imm;
}

/// Functions of a program that comes without a list of them: slot 0 and every target of a local
/// call.
std::vector<FunctionInput> find_functions(std::span<const vm::DecodedSlot> slots,
                                          uint32_t stack_bytes);

}  // namespace weir::jit
