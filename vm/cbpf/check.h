#pragma once
// What must hold of a classic program before anything is made of it: the rules of the kernel's
// bpf_check_classic (net/core/filter.c).

#include <span>
#include <vector>

#include "vm/base/result.h"
#include "vm/cbpf/insn.h"

namespace weir::vm::cbpf {

/// A classic program that keeps the rules: 1 to kInsnsMax known instructions; jumps go forward and
/// stay inside; nothing is divided by a constant 0 or shifted by a constant above 31; scratch words
/// are M[0] to M[15] and written before they are read, on every path; the last instruction
/// returns. Only check() makes one.
class ClassicProgram {
public:
    std::span<const ClassicInsn> insns() const { return insns_; }

private:
    friend Result<ClassicProgram> check(std::vector<ClassicInsn> insns);
    explicit ClassicProgram(std::vector<ClassicInsn> insns) : insns_(std::move(insns)) {}

    std::vector<ClassicInsn> insns_;
};

/// kInvalid names the instruction, the value and what was expected. What the kernel takes and Weir
/// does not offer, ancillary data and offsets from the link or network header, is kUnsupported, by
/// name.
Result<ClassicProgram> check(std::vector<ClassicInsn> insns);

}  // namespace weir::vm::cbpf
