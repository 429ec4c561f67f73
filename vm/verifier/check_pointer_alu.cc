// Arithmetic on pointers: a number may be added or subtracted, packet pointers may be subtracted
// from each other.

#include <fmt/format.h>

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

constexpr int64_t kOffsetMax = 1 << 29;  // the kernel's BPF_MAX_VAR_OFF

bool is_packet_family(RegKind kind) {
    return kind == RegKind::Packet || kind == RegKind::PacketMeta || kind == RegKind::PacketEnd ||
           kind == RegKind::PacketLow;
}

bool may_move(RegKind kind) {
    return kind == RegKind::Stack || kind == RegKind::Packet || kind == RegKind::PacketMeta ||
           kind == RegKind::MapValue;
}

Checked check_difference(Step& step, AluOp op, bool is_64, const Reg& left, const Reg& right) {
    if (op != AluOp::Sub || !is_packet_family(left.kind) || !is_packet_family(right.kind))
        return fault("pointer-arithmetic",
                     fmt::format("{} and {} cannot be combined; only packet pointers can be "
                                 "subtracted from each other",
                                 kind_words(left.kind), kind_words(right.kind)));
    // In 64 bits a borrow between two halves would tell where in memory the packet lies.
    if (is_64 && (left.kind == RegKind::PacketLow || right.kind == RegKind::PacketLow))
        return fault(
            "pointer-leak",
            "half of a packet pointer can be subtracted in 32 bits only; move all 64 bits");
    step.reg(step.insn.dst) = Reg::scalar(Scalar::below_bits(is_64 ? 64 : 32));
    return {};
}

/// A constant goes into `off`; copies of the pointer keep their relation.
Checked move_by_constant(Reg& pointer, AluOp op, int64_t number) {
    const int64_t moved = op == AluOp::Add ? pointer.off + number : pointer.off - number;
    if (number <= -kOffsetMax || number >= kOffsetMax || moved <= -kOffsetMax ||
        moved >= kOffsetMax)
        return fault("pointer-arithmetic",
                     fmt::format("offset {} is too far for a pointer; at most {} is possible",
                                 number, kOffsetMax));
    pointer.off = static_cast<int32_t>(moved);
    return {};
}

}  // namespace

Checked check_pointer_alu(Step& step, AluOp op, bool is_64, const Reg& right) {
    const Reg left = step.reg(step.insn.dst);
    if (left.is_pointer() && right.is_pointer())
        return check_difference(step, op, is_64, left, right);
    Reg pointer = left.is_pointer() ? left : right;
    const Reg& number = left.is_pointer() ? right : left;
    if (pointer.kind == RegKind::PacketLow)
        return fault("pointer-leak",
                     "half of a packet pointer can only be subtracted, in 32 bits, from or by "
                     "another packet pointer");
    if (!is_64)
        return fault("pointer-arithmetic",
                     fmt::format("32-bit arithmetic on {} would cut it; use 64 bits",
                                 kind_words(pointer.kind)));
    if (op != AluOp::Add && !(op == AluOp::Sub && left.is_pointer()))
        return fault("pointer-arithmetic",
                     fmt::format("only adding a number to or subtracting one from {} is possible",
                                 kind_words(pointer.kind)));
    if (pointer.kind == RegKind::MapValueOrNull)
        return fault("null-pointer", fmt::format("arithmetic on the look-up in map {}, which may "
                                                 "have given null; compare it with 0 first",
                                                 step.env.program.maps[pointer.map].name));
    if (!may_move(pointer.kind))
        return fault("pointer-arithmetic",
                     fmt::format("arithmetic on {} is not possible", kind_words(pointer.kind)));

    pointer.past_end = PastEnd::Unknown;
    if (number.value.is_constant()) {
        if (const Checked moved = move_by_constant(pointer, op, number.value.full.smin); !moved)
            return moved;
    } else {
        if (number.value.full.smin <= -kOffsetMax || number.value.full.smin >= kOffsetMax)
            return fault(
                "pointer-arithmetic",
                fmt::format("the number {} combined with {} {}; mask it or compare it first",
                            describe_reg(number), kind_words(pointer.kind),
                            number.value.full.smin < 0 ? "has no lower bound" : "is too large"));
        pointer.value = scalar_ops::alu_full(op, pointer.value, number.value);
        if (pointer.is_packet()) {
            pointer.id = step.env.fresh_id();
            pointer.range = 0;
        }
    }
    step.reg(step.insn.dst) = pointer;
    return {};
}

}  // namespace weir::vm::verifier
