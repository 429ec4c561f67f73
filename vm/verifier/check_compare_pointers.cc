// Conditional jumps on pointers: packet bounds, and whether a call gave null.

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

/// What was taken is the pointer itself, not the object on the stack that it came out of.
bool is_the_result(Reference::Kind kind) {
    switch (kind) {
        case Reference::Kind::Record:
        case Reference::Kind::Socket:
        case Reference::Kind::Connection: return true;
        case Reference::Kind::RecordDynptr:
        case Reference::Kind::Iterator: break;
    }
    return false;
}

/// Every copy of what a call gave turns out to be null, or not. What is null need not be given
/// back.
void resolve_null(const Step& step, State& state, const Reg& resolved, bool is_null) {
    state.for_each_reg([&](Reg& reg) {
        if (!reg.or_null || reg.kind != resolved.kind || reg.id != resolved.id) return;
        if (is_null) {
            reg = Reg::scalar(Scalar::constant(0));
            return;
        }
        reg.or_null = false;
        if (!names_lookup(step.env.program, reg)) reg.id = 0;
    });
    if (is_null && resolved.ref != 0)
        std::erase_if(state.references, [&](const Reference& held) {
            return held.id == resolved.ref && is_the_result(held.kind);
        });
}

std::expected<Branch, Fault> branch_on_null(Step& step, const Sides& sides, State& taken) {
    const bool is_equal = sides.op == CmpOp::Eq;
    if (sides.left.or_null) {
        taken = step.state();
        resolve_null(step, taken, sides.left, is_equal);
        resolve_null(step, step.state(), sides.left, !is_equal);
        return Branch{};
    }
    switch (sides.left.kind) {
        case RegKind::Packet:
        case RegKind::PacketMeta:
        case RegKind::PacketEnd:
        case RegKind::PacketStale: taken = step.state(); return Branch{};
        case RegKind::Context:
        case RegKind::Stack:
        case RegKind::Map:
        case RegKind::MapValue:
        case RegKind::MapKey:
        case RegKind::Memory:
        case RegKind::Socket:
        case RegKind::Connection:
        case RegKind::DynptrPointer:
        case RegKind::Function: return Branch{!is_equal, is_equal};
        case RegKind::PacketLow:
            return fault("pointer-leak",
                         "half of a packet pointer cannot be compared; compare all 64 bits");
        case RegKind::Uninit:
        case RegKind::Number:
        case RegKind::Dynptr:
        case RegKind::Iterator: break;
    }
    return fault("pointer-compare", "comparison of a number as if it were a pointer");
}

/// `pointer op end` holds: exactly this pointer lies at the end or behind it.
void learn_past_end(State& state, const Reg& pointer, CmpOp op) {
    if (op != CmpOp::Gt && op != CmpOp::Ge) return;
    const PastEnd past = op == CmpOp::Gt ? PastEnd::Beyond : PastEnd::AtLeast;
    state.for_each_reg([&](Reg& reg) {
        if (reg.kind == pointer.kind && reg.id == pointer.id && reg.off == pointer.off)
            reg.past_end = std::max(reg.past_end, past);
    });
}

/// What earlier comparisons with the end say of this one. Compilers repeat them and rely on the
/// same answer.
std::optional<bool> known_answer(const Reg& pointer, CmpOp op) {
    const bool proven = pointer.range > 0 && pointer.off >= 0;
    const bool below = proven && static_cast<uint32_t>(pointer.off) < pointer.range;
    const bool not_above = proven && static_cast<uint32_t>(pointer.off) <= pointer.range;
    const bool above = pointer.past_end == PastEnd::Beyond;
    const bool not_below = pointer.past_end != PastEnd::Unknown;
    const auto answer = [](bool yes, bool no) {
        return yes ? std::optional(true) : no ? std::optional(false) : std::nullopt;
    };
    switch (op) {
        case CmpOp::Gt: return answer(above, not_above);
        case CmpOp::Ge: return answer(not_below, below);
        case CmpOp::Lt: return answer(below, not_below);
        case CmpOp::Le: return answer(not_above, above);
        case CmpOp::Eq: return answer(false, below || above);
        case CmpOp::Ne: return answer(below || above, false);
        case CmpOp::Sgt:
        case CmpOp::Sge:
        case CmpOp::Slt:
        case CmpOp::Sle:
        case CmpOp::Set:
        case CmpOp::NotSet: return std::nullopt;
    }
    return std::nullopt;
}

/// True where `end` bounds what `pointer` points into.
bool bounds(const Reg& end, const Reg& pointer) {
    if (pointer.kind == RegKind::Packet) return end.kind == RegKind::PacketEnd;
    const bool is_start = end.kind == RegKind::Packet && end.id == 0 && end.off == 0;
    return pointer.kind == RegKind::PacketMeta && is_start;
}

Branch branch_on_packet(Step& step, const Sides& sides, State& taken) {
    const bool plain = bounds(sides.right, sides.left), turned = bounds(sides.left, sides.right);
    const Reg& pointer = plain ? sides.left : sides.right;
    if (plain || turned)
        if (const auto known = known_answer(pointer, plain ? sides.op : mirrored(sides.op)))
            return {*known, !*known};
    taken = step.state();
    const auto learn = [&](State& state, CmpOp op) {
        if (!plain && !turned) return;
        learn_packet_range(state, pointer.kind, pointer.id, pointer.off, plain ? op : mirrored(op));
        learn_past_end(state, pointer, plain ? op : mirrored(op));
    };
    learn(taken, sides.op);
    learn(step.state(), negated(sides.op));
    return {};
}

bool is_packet_family(const Reg& reg) {
    return reg.is_packet() || reg.kind == RegKind::PacketEnd || reg.kind == RegKind::PacketStale;
}

}  // namespace

void learn_packet_range(State& state, RegKind kind, uint32_t id, int64_t off, CmpOp op) {
    if (op != CmpOp::Lt && op != CmpOp::Le && op != CmpOp::Eq) return;
    if (off < 0 || off > kPacketBytesMax) return;
    const auto proven = static_cast<uint32_t>(off) + (op == CmpOp::Lt ? 1 : 0);
    state.for_each_reg([&](Reg& reg) {
        if (reg.kind != kind || reg.id != id) return;
        // Above, base and variable part might have wrapped around.
        if (reg.value.full.smin < 0 || reg.value.full.smax > kPointerOffsetMax) return;
        reg.range = std::max(reg.range, proven);
        if (id == 0) return;
        Range<64> inside = reg.value.full;
        inside.limit_unsigned(0, static_cast<uint64_t>(kPacketBytesMax) -
                                     std::min<uint64_t>(proven, kPacketBytesMax));
        if (inside.tighten()) reg.value = Scalar::from_full(inside);
    });
}

std::expected<Branch, Fault> branch_on_pointers(Step& step, const Sides& sides, State& taken) {
    const bool is_set = sides.op == CmpOp::Set;
    const bool is_equality = sides.op == CmpOp::Eq || sides.op == CmpOp::Ne;
    if (sides.left.is_pointer() && sides.right.is_pointer() && !sides.halves && !is_set) {
        if (is_packet_family(sides.left) && is_packet_family(sides.right))
            return branch_on_packet(step, sides, taken);
        const bool comparable =
            sides.left.kind == RegKind::Stack || sides.left.kind == RegKind::MapValue;
        if (is_equality || (comparable && sides.left.kind == sides.right.kind)) {
            taken = step.state();
            return Branch{};
        }
    }
    step.rely_on(sides.left.is_scalar() ? sides.left : sides.right);
    // Compilers take xdp_md's u32 at its word and test packet pointers for null in 32 bits. Either
    // way is possible.
    if (is_equality && sides.halves && is_packet_family(sides.left) && sides.right.is_constant(0))
        return branch_on_null(step, sides, taken);
    if (is_equality && !sides.halves && sides.right.is_constant(0))
        return branch_on_null(step, sides, taken);
    if (is_equality && !sides.halves && sides.left.is_constant(0)) {
        Sides turned = sides;
        std::swap(turned.left, turned.right);
        return branch_on_null(step, turned, taken);
    }
    return fault("pointer-compare",
                 fmt::format("{} cannot be compared with {}{}; pointers compare with pointers into "
                             "the same memory, or with 0",
                             kind_words(sides.left), kind_words(sides.right),
                             sides.halves ? " in 32 bits" : ""));
}

}  // namespace weir::vm::verifier
