// Conditional jumps on numbers: which ways are possible, and what each says.

#include <fmt/format.h>

#include "vm/verifier/checks.h"
#include "vm/verifier/insn_shape.h"
#include "vm/verifier/prune.h"

namespace weir::vm::verifier {
namespace {

constexpr int kNoRegister = -1;

/// What one way out of the jump says.
struct Outcome {
    bool possible = true;
    Scalar left, right;
};

/// The number of `from` is known better; so is that of a register linked to it.
void learn_linked(Dependencies& depend, const Reg& from, Reg& linked) {
    Scalar known = from.value;
    const int64_t distance = int64_t{linked.off} - from.off;
    if (distance != 0)
        known = scalar_ops::alu_full(AluOp::Add, known,
                                     Scalar::constant(static_cast<uint64_t>(distance)));
    Scalar value = linked.value;
    if (!scalar_ops::refine(CmpOp::Eq, false, value, known)) return;  // nothing comes here
    if (value == linked.value) return;
    linked.value = value;
    linked.node = depend.both(linked.node, from.node);
}

/// So is the variable part of a pointer that moved by it.
void learn_place(Step& step, const Reg& from, Reg& pointer) {
    const int64_t distance = int64_t{pointer.low_off} - from.off;
    const Scalar known = scalar_ops::alu_full(AluOp::Add, from.value,
                                              Scalar::constant(static_cast<uint64_t>(distance)));
    Scalar value = pointer.value, other = known;
    if (!scalar_ops::refine(CmpOp::Eq, false, value, other)) return;  // nothing comes here
    if (value == pointer.value) return;
    step.rely_on(from);
    pointer.value = value;
}

/// A length of at least n says that n bytes exist.
void learn_length(Step& step, State& state, const Reg& number) {
    const int64_t least = number.value.full.smin;
    if (!number.has_length || least <= 0 || least > kPacketBytesMax) return;
    step.rely_on(number);
    learn_packet_range(state, RegKind::Packet, number.length_id, number.length_off + least,
                       CmpOp::Le);
}

/// What the linked register knows now, whichever of its parts is linked.
void learn_from(Step& step, State& state, const Reg& known, Reg& reg) {
    if (reg.is_pointer() && reg.low_id == known.id) learn_place(step, known, reg);
    if (!reg.is_scalar() || reg.id != known.id) return;
    learn_linked(step.env.depend, known, reg);
    learn_length(step, state, Reg(reg));
}

/// The register, every copy of it and every number linked to it learn the number.
void assign_number(Step& step, State& state, int reg_index, const Reg& before, const Scalar& value,
                   uint32_t node) {
    if (value == before.value) return;
    Reg known = before;
    known.value = value;
    known.node = node;
    if (reg_index != kNoRegister) state.top().regs[static_cast<size_t>(reg_index)] = known;
    learn_length(step, state, known);
    if (before.id == 0) return;
    for (uint8_t i = 0; i < state.frames.size(); ++i) {
        for (Reg& reg : state.frames[i].regs) learn_from(step, state, known, reg);
        for (size_t slot = 0; slot < state.frames[i].stack.size(); ++slot) {
            Reg& spill = state.frames[i].stack[slot].spill;
            // What a slot says of a length counts as read.
            if (spill.is_scalar() && spill.id == known.id && spill.has_length)
                mark_read(step.path, i, uint64_t{1} << slot);
            learn_from(step, state, known, spill);
        }
    }
}

bool is_same_number(const Sides& sides) {
    return sides.left_register == sides.right_register ||
           (sides.left.id != 0 && sides.left.id == sides.right.id &&
            sides.left.off == sides.right.off);
}

Outcome number_outcome(const Sides& sides, CmpOp op) {
    Outcome outcome{true, sides.left.value, sides.right.value};
    const bool same = is_same_number(sides);
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
    const uint32_t node = step.env.depend.both(sides.left.node, sides.right.node);
    const auto learn = [&](State& state, const Outcome& outcome) {
        assign_number(step, state, sides.left_register, sides.left, outcome.left, node);
        assign_number(step, state, sides.right_register, sides.right, outcome.right, node);
    };
    if (yes.possible && no.possible) {
        taken = step.state();
        learn(taken, yes);
        learn(step.state(), no);
        return {};
    }
    // What decides alone must decide in every state that is held to be the same.
    step.env.depend.mark_precise(node);
    if (yes.possible || no.possible) {
        learn(step.state(), yes.possible ? yes : no);
        return {yes.possible, no.possible};
    }
    taken = step.state();  // the state holds no number at all: nothing comes here, either way is
                           // harmless
    return {};
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
