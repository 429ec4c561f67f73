#pragma once
// eBPF instructions under construction: jumps to places that are not written yet.

#include <cstdint>
#include <vector>

#include "vm/isa/insn.h"

namespace weir::vm::cbpf {

class InsnBuffer {
public:
    /// Jumps may go to places 0 to `places`.
    explicit InsnBuffer(size_t places) : slot_of_(places + 1, 0) {}

    /// Fields that insn.def fixes come from there.
    void put(Op op, uint8_t dst, uint8_t src, int16_t off = 0, int32_t imm = 0);
    void put_imm(Op op, uint8_t dst, int32_t imm) { put(op, dst, 0, 0, imm); }

    /// The next instruction is place `place`.
    void bind(size_t place);
    /// A jump, or Op::kGoto, to a place that gets bound later; a conditional one at most 32,767
    /// slots away.
    void jump(Op op, uint8_t dst, uint8_t src, int32_t imm, size_t place);
    /// Jumps to where 0 is returned. That may be far away: bind() sees to it that it is not.
    void drop_if(Op op, uint8_t dst, uint8_t src);
    void drop_if_imm(Op op, uint8_t dst, int32_t imm);
    /// Returns 0 here.
    void return_zero();

    /// The program; the buffer is used up.
    std::vector<Insn> finish();

private:
    struct Fixup {
        size_t slot, place;
    };
    bool falls_through() const;

    std::vector<Insn> insns_;
    std::vector<size_t> slot_of_;
    std::vector<Fixup> fixups_;
    std::vector<size_t> drops_;  ///< slots of jumps to the next `return 0`
};

}  // namespace weir::vm::cbpf
