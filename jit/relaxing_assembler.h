#pragma once
// An assembler that is run twice over the same program: the first time every forward jump takes the
// long form, since nobody knows how far it will reach; the second time those that reach with one
// byte take the short form.

#include <asmjit/x86.h>

#include <cstdint>
#include <vector>

namespace weir::jit {

/// What the first run leaves to the second: the jumps in the order of their emission.
class JumpForms {
public:
    void note_jump(uint64_t behind, uint32_t label) { jumps_.push_back({behind, label}); }
    void note_alignment(uint64_t at, uint32_t bytes) { alignments_.push_back({at, bytes}); }
    /// Chooses once all labels are bound. Code only shrinks by that, but what is filled up in front
    /// of an aligned place may grow.
    void choose(const asmjit::CodeHolder& code);
    /// False of all before choose().
    bool is_short(size_t jump) const { return jump < short_.size() && short_[jump]; }

private:
    struct Jump {
        uint64_t behind;  ///< offset of the end of the instruction
        uint32_t label;
    };
    struct Alignment {
        uint64_t at;
        uint32_t bytes;
    };
    /// What may come in between two places for alignment.
    uint64_t growth_between(uint64_t from, uint64_t to) const;

    std::vector<Jump> jumps_;
    std::vector<Alignment> alignments_;
    std::vector<bool> short_;
};

class RelaxingAssembler final : public asmjit::x86::Assembler {
public:
    /// `forms` must outlive it. Before forms.choose() it measures, afterwards it obeys.
    RelaxingAssembler(asmjit::CodeHolder* code, JumpForms& forms, bool measures);

    asmjit::Error _emit(asmjit::InstId instruction, const asmjit::Operand_& o0,
                        const asmjit::Operand_& o1, const asmjit::Operand_& o2,
                        const asmjit::Operand_* more) override;
    asmjit::Error align(asmjit::AlignMode mode, uint32_t bytes) override;

private:
    JumpForms& forms_;
    bool measures_;
    size_t jumps_ = 0;
};

}  // namespace weir::jit
