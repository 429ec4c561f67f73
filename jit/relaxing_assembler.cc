#include "jit/relaxing_assembler.h"

#include <algorithm>

namespace weir::jit {
namespace {

using asmjit::Operand_;
namespace x86 = asmjit::x86;

bool jumps_to_label(asmjit::InstId instruction, const Operand_& target) {
    return instruction >= x86::Inst::kIdJa && instruction <= x86::Inst::kIdJz &&
           instruction != x86::Inst::kIdJecxz && target.isLabel();
}

}  // namespace

uint64_t JumpForms::growth_between(uint64_t from, uint64_t to) const {
    auto alignment =
        std::lower_bound(alignments_.begin(), alignments_.end(), from,
                         [](const Alignment& a, uint64_t wanted) { return a.at < wanted; });
    uint64_t growth = 0;
    for (; alignment != alignments_.end() && alignment->at <= to; ++alignment)
        growth += alignment->bytes - 1;
    return growth;
}

void JumpForms::choose(const asmjit::CodeHolder& code) {
    for (const Jump& jump : jumps_) {
        const uint64_t target = code.labelOffset(jump.label);
        const uint64_t from = std::min(jump.behind, target), to = std::max(jump.behind, target);
        const bool near = to - from <= INT8_MAX;
        short_.push_back(near && to - from + growth_between(from, to) <= INT8_MAX);
    }
}

RelaxingAssembler::RelaxingAssembler(asmjit::CodeHolder* code, JumpForms& forms, bool measures)
    : x86::Assembler(code), forms_(forms), measures_(measures) {}

asmjit::Error RelaxingAssembler::_emit(asmjit::InstId instruction, const Operand_& o0,
                                       const Operand_& o1, const Operand_& o2,
                                       const Operand_* more) {
    if (!jumps_to_label(instruction, o0))
        return x86::Assembler::_emit(instruction, o0, o1, o2, more);
    if (forms_.is_short(jumps_++)) addInstOptions(asmjit::InstOptions::kShortForm);
    const asmjit::Error error = x86::Assembler::_emit(instruction, o0, o1, o2, more);
    if (measures_) forms_.note_jump(offset(), o0.id());
    return error;
}

asmjit::Error RelaxingAssembler::align(asmjit::AlignMode mode, uint32_t bytes) {
    if (measures_) forms_.note_alignment(offset(), bytes);
    return x86::Assembler::align(mode, bytes);
}

}  // namespace weir::jit
