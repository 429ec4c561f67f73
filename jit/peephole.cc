// Which rules to try, by the first instruction.

#include "jit/peephole.h"

#include "jit/insn_class.h"

namespace weir::jit {
namespace {

using vm::Format;
using Rule = size_t (*)(Emission& e, const Window& w);

/// Of the rules, the first that fits.
size_t first_of(Emission& e, const Window& w, std::initializer_list<Rule> rules) {
    for (const Rule rule : rules)
        if (const size_t taken = rule(e, w); taken != 0) return taken;
    return 0;
}

/// A look-up and the jump that asks whether it found something.
size_t fold_lookup(Emission& e, const Window& w) {
    const bool calls_helper = w.at(0)->op == vm::Op::kCallHelper && w.at(1) != nullptr;
    return calls_helper ? emit_lookup_and_jump(e, w.slot()) : 0;
}

}  // namespace

size_t emit_fused(Emission& e, size_t slot) {
    // Some leave constants of the program in the code.
    if (e.input.options.blind_constants) return 0;
    const Window w(e, slot);
    const vm::DecodedInsn& first = *w.at(0);
    switch (vm::op_info(first.op).format) {
        case Format::AluImm:
        case Format::AluReg:
            return first_of(e, w, {fold_rotate, fold_address, fold_move, fold_shift, fold_compare});
        case Format::Load: return first_of(e, w, {fold_bytes, fold_swapped_load, fold_operand});
        case Format::Call: return fold_lookup(e, w);
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::CallReg:
        case Format::Exit:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
        case Format::StoreImm:
        case Format::StoreReg:
        case Format::Atomic: return 0;
    }
    return 0;
}

}  // namespace weir::jit
