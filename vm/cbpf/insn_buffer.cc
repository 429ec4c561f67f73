#include "vm/cbpf/insn_buffer.h"

#include <limits>

#include "vm/base/check.h"

namespace weir::vm::cbpf {
namespace {

/// A drop is written when the oldest jump to it is this far behind; the rest of a conditional
/// jump's reach is for the instructions up to the next bind().
constexpr size_t kDropDistanceMax = 32'000;

}  // namespace

void InsnBuffer::put(Op op, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
    const OpInfo& info = op_info(op);
    Insn insn;
    insn.opcode = info.opcode;
    insn.dst = static_cast<uint8_t>(dst & 0xf);
    insn.src = static_cast<uint8_t>((info.src == kAnyField ? src : info.src) & 0xf);
    insn.off = info.off == kAnyField ? off : static_cast<int16_t>(info.off);
    insn.imm = info.imm == kAnyField ? imm : static_cast<int32_t>(info.imm);
    insns_.push_back(insn);
}

bool InsnBuffer::falls_through() const {
    if (insns_.empty()) return true;
    const uint8_t opcode = insns_.back().opcode;
    return opcode != op_info(Op::kExit).opcode && opcode != op_info(Op::kGoto).opcode;
}

void InsnBuffer::bind(size_t place) {
    if (!drops_.empty() && insns_.size() - drops_.front() > kDropDistanceMax) {
        constexpr int16_t kReturnSlots = 2;
        if (falls_through()) put(Op::kGoto, 0, 0, kReturnSlots);
        return_zero();
    }
    slot_of_[place] = insns_.size();
}

void InsnBuffer::jump(Op op, uint8_t dst, uint8_t src, int32_t imm, size_t place) {
    fixups_.push_back({insns_.size(), place});
    put(op, dst, src, 0, imm);
}

void InsnBuffer::drop_if(Op op, uint8_t dst, uint8_t src) {
    drops_.push_back(insns_.size());
    put(op, dst, src);
}

void InsnBuffer::drop_if_imm(Op op, uint8_t dst, int32_t imm) {
    drops_.push_back(insns_.size());
    put_imm(op, dst, imm);
}

void InsnBuffer::return_zero() {
    for (const size_t slot : drops_)
        insns_[slot].off = static_cast<int16_t>(insns_.size() - slot - 1);
    drops_.clear();
    put_imm(Op::kMov32Imm, 0, 0);
    put(Op::kExit, 0, 0);
}

std::vector<Insn> InsnBuffer::finish() {
    if (!drops_.empty()) return_zero();
    for (const Fixup& fixup : fixups_) {
        WEIR_CHECK(slot_of_[fixup.place] > fixup.slot);
        const size_t distance = slot_of_[fixup.place] - fixup.slot - 1;
        Insn& insn = insns_[fixup.slot];
        if (distance <= std::numeric_limits<int16_t>::max()) {
            insn.off = static_cast<int16_t>(distance);
            continue;
        }
        WEIR_CHECK(insn.opcode == op_info(Op::kGoto).opcode);
        insn.opcode = op_info(Op::kGotoLong).opcode;
        insn.imm = static_cast<int32_t>(distance);
    }
    return std::move(insns_);
}

}  // namespace weir::vm::cbpf
