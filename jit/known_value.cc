#include "jit/known_value.h"

#include "jit/register_use.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Op;

/// What stood in a register: `offset` behind what `reg` is in front of `slot`, where no instruction
/// of the straight code writes `reg`, or the one at `slot` does.
struct Origin {
    size_t slot = 0;
    uint8_t reg = 0;
    int64_t offset = 0;
    const DecodedInsn* writer = nullptr;
};

bool writes(const DecodedInsn& insn, uint8_t reg) {
    return (register_use(insn, true).writes & set_of(reg)) != 0;
}

Origin trace(const Emission& e, size_t slot, uint8_t reg) {
    Origin at{slot, reg, 0, nullptr};
    for (size_t looks = 0; looks < kLooksBackMax && at.slot > e.body.function->begin; ++looks) {
        if (e.analysis.joins_paths(at.slot)) return at;
        --at.slot;
        if (e.input.slots[at.slot].second_slot) continue;
        const DecodedInsn& insn = e.input.slots[at.slot].insn;
        if (!e.input.reachable(at.slot)) return at;
        if (!writes(insn, at.reg)) continue;
        if (insn.op == Op::kAdd64Imm) {
            at.offset += insn.imm;
        } else if (insn.op == Op::kMov64Reg) {
            at.reg = insn.src;
        } else {
            at.writer = &insn;
            return at;
        }
        if (at.reg == kFramePointer) return at;
    }
    return at;
}

}  // namespace

std::optional<uint64_t> known_constant(const Emission& e, size_t slot, uint8_t reg) {
    const Origin origin = trace(e, slot, reg);
    if (origin.writer == nullptr) return std::nullopt;
    const auto imm = static_cast<uint64_t>(origin.writer->imm);
    const auto offset = static_cast<uint64_t>(origin.offset);
    switch (origin.writer->op) {
        case Op::kMov64Imm: return imm + offset;
        case Op::kMov32Imm: return (imm & UINT32_MAX) + offset;
        default: return std::nullopt;
    }
}

std::optional<int32_t> known_frame_offset(const Emission& e, size_t slot, uint8_t reg) {
    const Origin origin = trace(e, slot, reg);
    const bool in_frame = origin.reg == kFramePointer && origin.writer == nullptr &&
                          origin.offset >= INT16_MIN && origin.offset < 0;
    return in_frame ? std::optional(static_cast<int32_t>(origin.offset)) : std::nullopt;
}

}  // namespace weir::jit
