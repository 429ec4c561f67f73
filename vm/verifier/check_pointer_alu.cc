// Arithmetic on pointers: a number may be added or subtracted, packet pointers may be subtracted
// from each other.

#include <algorithm>

#include <fmt/format.h>

#include "vm/verifier/checks.h"
#include "vm/verifier/prune.h"

namespace weir::vm::verifier {
namespace {

constexpr int64_t kOffsetMax = kPointerOffsetMax;

bool is_packet_family(RegKind kind) {
    return kind == RegKind::Packet || kind == RegKind::PacketMeta || kind == RegKind::PacketEnd ||
           kind == RegKind::PacketLow || kind == RegKind::PacketStale;
}

bool may_move(RegKind kind) {
    return kind == RegKind::Stack || kind == RegKind::Packet || kind == RegKind::PacketMeta ||
           kind == RegKind::MapValue || kind == RegKind::MapKey || kind == RegKind::Memory;
}

/// data_end minus a packet pointer, of which it is known that it is not behind the end or not. It
/// may lie before the packet.
Reg packet_length(const Reg& pointer, bool is_64, bool is_inside) {
    Range<64> packet;
    packet.limit_signed(0, kPacketBytesMax);
    Scalar value = Scalar::from_full(packet);
    if (!is_inside) {
        const Scalar place =
            scalar_ops::alu_full(AluOp::Add, pointer.value,
                                 Scalar::constant(static_cast<uint64_t>(int64_t{pointer.off})));
        value = is_64 ? scalar_ops::alu_full(AluOp::Sub, value, place) : Scalar::below_bits(32);
    }
    Reg length = Reg::scalar(value);
    length.has_length = is_64 || is_inside;
    length.length_id = pointer.id;
    length.length_off = pointer.off;
    return length;
}

bool is_end(const Reg& reg) {
    return reg.kind == RegKind::PacketEnd || (reg.kind == RegKind::PacketLow && reg.is_end);
}
bool is_in_packet(const Reg& reg) {
    return reg.kind == RegKind::Packet ||
           (reg.kind == RegKind::PacketLow && reg.has_length && !reg.is_end);
}

Checked check_difference(Step& step, AluOp op, bool is_64, const Reg& left, const Reg& right) {
    if (op != AluOp::Sub || !is_packet_family(left.kind) || !is_packet_family(right.kind))
        return fault("pointer-arithmetic",
                     fmt::format("{} and {} cannot be combined; only packet pointers can be "
                                 "subtracted from each other",
                                 kind_words(left), kind_words(right)));
    // In 64 bits a borrow between two halves would tell where in memory the packet lies.
    if (is_64 && (left.kind == RegKind::PacketLow || right.kind == RegKind::PacketLow))
        return fault(
            "pointer-leak",
            "half of a packet pointer can be subtracted in 32 bits only; move all 64 bits");
    Reg& dst = step.reg(step.insn.dst);
    if (is_end(left) && is_in_packet(right)) {
        const bool is_start = right.id == 0 && right.off == 0;
        const bool is_inside =
            is_start || (right.off >= 0 && right.value.full.smin >= 0 &&
                         static_cast<uint32_t>(right.off) <= right.range && right.range != 0);
        dst = packet_length(right, is_64, is_inside);
    } else if (left.is_packet() && left.kind == right.kind && left.id == right.id && is_64) {
        dst = Reg::scalar(Scalar::constant(static_cast<uint64_t>(int64_t{left.off} - right.off)));
    } else {
        dst = Reg::scalar(Scalar::below_bits(is_64 ? 64 : 32));
    }
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

void move_progress(Reg& pointer, AluOp op, const Range<64>& number) {
    if (number.smin <= -kOffsetMax || number.smax >= kOffsetMax)
        pointer.progress = {};
    else if (op == AluOp::Add)
        pointer.progress.move(number.smin, number.smax);
    else
        pointer.progress.move(-number.smax, -number.smin);
}

/// Another pointer that the same number moved away from the same base. That of a stack slot is read
/// here, as what it says counts.
const Reg* moved_before(Step& step, const Reg& pointer) {
    const auto fits = [&](const Reg& reg) {
        return reg.kind == pointer.kind && reg.is_packet() && reg.low_id == pointer.low_id &&
               reg.id != 0;
    };
    std::vector<Frame>& frames = step.state().frames;
    for (const Frame& frame : frames)
        if (const auto found = std::ranges::find_if(frame.regs, fits); found != frame.regs.end())
            return &*found;
    for (uint8_t i = 0; i < frames.size(); ++i) {
        const auto found = std::ranges::find_if(frames[i].stack, fits, &StackSlot::spill);
        if (found == frames[i].stack.end()) continue;
        mark_read(step.path, i, uint64_t{1} << (found - frames[i].stack.begin()));
        return &found->spill;
    }
    return nullptr;
}

/// What is known of bytes behind a packet pointer is known of all pointers that a number moved
/// there: the compiler may compute one for the check and another for the access.
void move_by_variable(Step& step, Reg& pointer, AluOp op, const Reg& number) {
    const bool is_first = pointer.value.is_constant(0) && pointer.id == 0 && op == AluOp::Add;
    pointer.value = scalar_ops::alu_full(op, pointer.value, number.value);
    pointer.low_id = is_first ? number.id : 0;
    pointer.low_off = is_first ? number.off : 0;
    if (!pointer.is_packet()) return;
    const Reg* const other = pointer.low_id == 0 ? nullptr : moved_before(step, pointer);
    const int64_t off =
        other == nullptr ? 0 : int64_t{pointer.off} + pointer.low_off - other->low_off;
    if (other == nullptr || off <= -kOffsetMax || off >= kOffsetMax) {
        pointer.id = step.env.fresh_id();
        pointer.range = 0;
        return;
    }
    pointer.id = other->id;
    pointer.range = other->range;
    pointer.value = other->value;
    pointer.low_off = other->low_off;
    pointer.off = static_cast<int32_t>(off);
}

}  // namespace

Reg lower_half(const Reg& pointer) {
    Reg half = pointer;
    half.kind = RegKind::PacketLow;
    if (pointer.kind == RegKind::PacketLow) return half;
    half.is_end = pointer.kind == RegKind::PacketEnd;
    half.has_length = pointer.kind == RegKind::Packet;
    half.progress = {};
    half.low_id = 0;
    half.low_off = 0;
    return half;
}

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
        return fault(
            "pointer-arithmetic",
            fmt::format("32-bit arithmetic on {} would cut it; use 64 bits", kind_words(pointer)));
    if (op != AluOp::Add && !(op == AluOp::Sub && left.is_pointer()))
        return fault("pointer-arithmetic",
                     fmt::format("only adding a number to or subtracting one from {} is possible",
                                 kind_words(pointer)));
    if (pointer.or_null)
        return fault("null-pointer", fmt::format("arithmetic on {}; compare it with 0 first",
                                                 nullable_words(step.env.program, pointer)));
    // Compilers move the context by constants, and use it at none.
    const bool moves_context = pointer.kind == RegKind::Context && number.value.is_constant();
    if (!may_move(pointer.kind) && !moves_context)
        return fault("pointer-arithmetic",
                     fmt::format("arithmetic on {} is not possible", kind_words(pointer)));

    pointer.past_end = PastEnd::Unknown;
    move_progress(pointer, op, number.value.full);
    step.rely_on(number);
    if (number.value.is_constant()) {
        if (const Checked moved = move_by_constant(pointer, op, number.value.full.smin); !moved)
            return moved;
    } else {
        if (number.value.full.smin <= -kOffsetMax || number.value.full.smin >= kOffsetMax)
            return fault(
                "pointer-arithmetic",
                fmt::format("the number {} combined with {} {}; mask it or compare it first",
                            describe_reg(number), kind_words(pointer),
                            number.value.full.smin < 0 ? "has no lower bound" : "is too large"));
        move_by_variable(step, pointer, op, number);
    }
    step.reg(step.insn.dst) = pointer;
    return {};
}

}  // namespace weir::vm::verifier
