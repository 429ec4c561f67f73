// Conditional jumps: which ways are possible, and what each says about numbers, packet bounds and
// look-ups.

#include <fmt/format.h>

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

CmpOp compare_op(const OpInfo& row) {
    switch (row.opcode >> 4) {
        case 0x1: return CmpOp::Eq;
        case 0x2: return CmpOp::Gt;
        case 0x3: return CmpOp::Ge;
        case 0x4: return CmpOp::Set;
        case 0x5: return CmpOp::Ne;
        case 0x6: return CmpOp::Sgt;
        case 0x7: return CmpOp::Sge;
        case 0xa: return CmpOp::Lt;
        case 0xb: return CmpOp::Le;
        case 0xc: return CmpOp::Slt;
    }
    return CmpOp::Sle;
}

constexpr int kNoRegister = -1;

/// The two sides of the comparison; an immediate is a side without a register.
struct Sides {
    CmpOp op;
    bool halves;
    Reg left, right;
    int left_register;
    int right_register;
};

/// What one way out of the jump says.
struct Outcome {
    bool possible = true;
    Scalar left, right;
};

/// The register and every copy of it learn the number.
void assign_number(State& state, int reg_index, uint32_t id, const Scalar& value) {
    if (reg_index != kNoRegister) state.top().regs[static_cast<size_t>(reg_index)].value = value;
    if (id == 0) return;
    state.for_each_reg([&](Reg& reg) {
        if (reg.is_scalar() && reg.id == id) reg.value = value;
    });
}

Outcome number_outcome(const Sides& sides, CmpOp op) {
    Outcome outcome{true, sides.left.value, sides.right.value};
    const bool same = sides.left_register == sides.right_register ||
                      (sides.left.id != 0 && sides.left.id == sides.right.id);
    if (same && (op == CmpOp::Ne || op == CmpOp::Gt || op == CmpOp::Lt || op == CmpOp::Sgt ||
                 op == CmpOp::Slt)) {
        outcome.possible = false;
        return outcome;
    }
    if (same && op != CmpOp::Set && op != CmpOp::NotSet) return outcome;
    outcome.possible = scalar_ops::refine(op, sides.halves, outcome.left, outcome.right);
    if (same) outcome.right = outcome.left;
    return outcome;
}

Branch branch_on_numbers(Step& step, const Sides& sides, State& taken) {
    const Outcome yes = number_outcome(sides, sides.op),
                  no = number_outcome(sides, negated(sides.op));
    const auto learn = [&](State& state, const Outcome& outcome) {
        assign_number(state, sides.left_register, sides.left.id, outcome.left);
        assign_number(state, sides.right_register, sides.right.id, outcome.right);
    };
    if (yes.possible && no.possible) {
        taken = step.state();
        learn(taken, yes);
        learn(step.state(), no);
    } else if (yes.possible || no.possible) {
        learn(step.state(), yes.possible ? yes : no);
    } else {
        taken = step.state();  // the state holds no number at all: nothing comes here, either way
                               // is harmless
        return {};
    }
    return {yes.possible, no.possible};
}

/// Every copy of a look-up turns out to be null, or a value.
void resolve_lookup(State& state, uint32_t id, bool is_null) {
    state.for_each_reg([&](Reg& reg) {
        if (reg.kind != RegKind::MapValueOrNull || reg.id != id) return;
        if (is_null) {
            reg = Reg::scalar(Scalar::constant(0));
        } else {
            reg.kind = RegKind::MapValue;
            reg.id = 0;
        }
    });
}

std::expected<Branch, Fault> branch_on_null(Step& step, const Sides& sides, State& taken) {
    const bool is_equal = sides.op == CmpOp::Eq;
    switch (sides.left.kind) {
        case RegKind::MapValueOrNull:
            taken = step.state();
            resolve_lookup(taken, sides.left.id, is_equal);
            resolve_lookup(step.state(), sides.left.id, !is_equal);
            return Branch{};
        case RegKind::Packet:
        case RegKind::PacketMeta:
        case RegKind::PacketEnd: taken = step.state(); return Branch{};
        case RegKind::Context:
        case RegKind::Stack:
        case RegKind::Map:
        case RegKind::MapValue: return Branch{!is_equal, is_equal};
        case RegKind::PacketLow:
            return fault("pointer-leak",
                         "half of a packet pointer cannot be compared; compare all 64 bits");
        case RegKind::Uninit:
        case RegKind::Number: break;
    }
    return fault("pointer-compare", "comparison of a number as if it were a pointer");
}

/// `pointer op end` holds: bytes up to the pointer (and one more for <) exist.
void learn_packet_range(State& state, const Reg& pointer, CmpOp op) {
    if (op != CmpOp::Lt && op != CmpOp::Le && op != CmpOp::Eq) return;
    constexpr int64_t kPacketMax = 0xffff;  // above, an address might have wrapped around
    const Scalar& variable = pointer.value;
    if (pointer.off < 0 || variable.full.smin < 0 || variable.full.smax > kPacketMax ||
        variable.full.smax + pointer.off > kPacketMax)
        return;
    const auto proven = static_cast<uint32_t>(pointer.off) + (op == CmpOp::Lt ? 1 : 0);
    state.for_each_reg([&](Reg& reg) {
        if (reg.kind == pointer.kind && reg.id == pointer.id)
            reg.range = std::max(reg.range, proven);
    });
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
        learn_packet_range(state, pointer, plain ? op : mirrored(op));
        learn_past_end(state, pointer, plain ? op : mirrored(op));
    };
    learn(taken, sides.op);
    learn(step.state(), negated(sides.op));
    return {};
}

bool is_packet_family(const Reg& reg) {
    return reg.is_packet() || reg.kind == RegKind::PacketEnd;
}

std::expected<Branch, Fault> branch_on_pointers(Step& step, const Sides& sides, State& taken) {
    const bool is_set = sides.op == CmpOp::Set;
    if (sides.left.is_pointer() && sides.right.is_pointer() && !sides.halves && !is_set) {
        if (is_packet_family(sides.left) && is_packet_family(sides.right))
            return branch_on_packet(step, sides, taken);
        const bool comparable =
            sides.left.kind == RegKind::Stack || sides.left.kind == RegKind::MapValue;
        if (comparable && sides.left.kind == sides.right.kind) {
            taken = step.state();
            return Branch{};
        }
    }
    const bool is_equality = sides.op == CmpOp::Eq || sides.op == CmpOp::Ne;
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
                             kind_words(sides.left.kind), kind_words(sides.right.kind),
                             sides.halves ? " in 32 bits" : ""));
}

}  // namespace

std::expected<Branch, Fault> check_branch(Step& step, State& taken) {
    const OpInfo& row = op_info(step.insn.op);
    const auto left = readable_reg(step, step.insn.dst);
    if (!left) return std::unexpected(left.error());
    Sides sides{
        compare_op(row), row.bits == 32,
        **left,          Reg::scalar(Scalar::constant(static_cast<uint64_t>(step.insn.imm))),
        step.insn.dst,   kNoRegister};
    if (row.format == Format::JumpReg) {
        const auto right = readable_reg(step, step.insn.src);
        if (!right) return std::unexpected(right.error());
        sides.right = **right;
        sides.right_register = step.insn.src;
    }
    if (sides.left.is_pointer() || sides.right.is_pointer())
        return branch_on_pointers(step, sides, taken);
    return branch_on_numbers(step, sides, taken);
}

}  // namespace weir::vm::verifier
