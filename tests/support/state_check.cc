#include "tests/support/state_check.h"

#include <fmt/format.h>

#include "tests/support/state_contains.h"
#include "tests/support/trace_needs.h"
#include "vm/isa/disassemble.h"
#include "vm/verifier/insn_shape.h"

namespace weir::tests {
namespace {

using vm::verifier::CmpOp;
using vm::verifier::Frame;
using vm::verifier::Reg;
using vm::verifier::RegKind;
using vm::verifier::Scalar;
using vm::verifier::StackByte;
using vm::verifier::State;

constexpr size_t kStatesShown = 3;

/// What the operands hold in this state leaves only one way out of the branch. Pointers count as
/// decided.
bool is_decided_in(const State& state, const vm::DecodedInsn& insn) {
    const vm::OpInfo& row = op_info(insn.op);
    const Reg& left = state.top().regs[insn.dst];
    Reg right = Reg::scalar(Scalar::constant(static_cast<uint64_t>(insn.imm)));
    if (row.format == vm::Format::JumpReg) right = state.top().regs[insn.src];
    if (!left.is_scalar() || !right.is_scalar()) return true;
    const CmpOp op = vm::verifier::compare_op(row);
    // A number compared with itself: whatever it is.
    const bool same =
        insn.dst == insn.src || (left.id != 0 && left.id == right.id && left.off == right.off);
    if (row.format == vm::Format::JumpReg && same && op != CmpOp::Set) return false;
    if (left.has_length || right.has_length) return true;
    Scalar a = left.value, b = right.value, c = left.value, d = right.value;
    return !vm::verifier::scalar_ops::refine(op, row.bits == 32, a, b) ||
           !vm::verifier::scalar_ops::refine(negated(op), row.bits == 32, c, d);
}

class Checker : Reliance {
public:
    Checker(const StateCheckSetup& setup, const StateBook& book, const RunTrace& trace)
        : setup_(setup), book_(book), trace_(trace), hints_(setup.code.size()) {}

    std::optional<std::string> run() {
        NeedsWalk walk(trace_, setup_.code, *this);
        walk.run([&](const TracePlace& place) { return fits(place); });
        return refusal_;
    }

private:
    std::vector<uint32_t> chain_at(size_t step) const {
        std::vector<uint32_t> chain(trace_.depth_at(step) + size_t{1});
        uint32_t frame = trace_.steps[step].frame;
        for (size_t i = chain.size(); i-- > 0; frame = trace_.frames[frame].parent)
            chain[i] = frame;
        return chain;
    }

    template <typename Holds>
    bool any_state(size_t step, Holds holds) const {
        const std::vector<uint32_t> chain = chain_at(step);
        const Moment moment{setup_, trace_, {step, {}, {}}, chain};
        for (const State& state : book_.states(moment.step().insn))
            if (same_chain(state, moment) && holds(state)) return true;
        return false;
    }

    bool is_decided(size_t step) const override {
        const vm::DecodedInsn& insn = setup_.code[trace_.steps[step].insn].insn;
        return !any_state(step, [&](const State& state) { return !is_decided_in(state, insn); });
    }

    /// At a place that varies, or of bytes of which nothing is known, a load gives any number: also
    /// where another state, of another way, knows more.
    bool knows_loaded(size_t step, const StackBytes& bytes) const override {
        const TraceStep& at = trace_.steps[step];
        const vm::DecodedInsn& insn = setup_.code[at.insn].insn;
        return !any_state(step, [&](const State& state) {
            const Reg& pointer = state.top().regs[insn.src];
            if (pointer.kind != RegKind::Stack) return false;
            const uint64_t place = at.registers[insn.src] - trace_.frame_pointer(pointer.frame) -
                                   static_cast<uint64_t>(int64_t{pointer.off});
            return pointer.value.contains(place) &&
                   !(pointer.value.is_constant() && is_spilled(state.frames[bytes.depth], bytes));
        });
    }

    static bool is_spilled(const Frame& frame, const StackBytes& bytes) {
        for (uint32_t i = bytes.first; i < bytes.first + bytes.count; ++i) {
            const uint32_t slot = (kStackBytes - 1 - i) / 8;
            if (slot >= frame.stack.size() || frame.stack[slot].bytes[i % 8] != StackByte::Spill)
                return false;
        }
        return true;
    }

    /// The states that runs fall into lie close together: the search begins at the last hit.
    bool fits(const TracePlace& place) {
        const std::vector<uint32_t> chain = chain_at(place.step);
        const Moment moment{setup_, trace_, place, chain};
        const uint32_t pc = moment.step().insn;
        if (refusal_ = unwritten(moment); refusal_) return false;
        const auto states = book_.states(pc);
        size_t& hint = hints_[pc];
        for (size_t i = 0; i < states.size(); ++i) {
            const size_t index = (hint + i) % states.size();
            if (!same_chain(states[index], moment) || !missed(states[index], moment).empty())
                continue;
            hint = index;
            return true;
        }
        refusal_ = describe(moment);
        return false;
    }

    /// Where a frame begins, nothing of it was written.
    static std::optional<std::string> unwritten(const Moment& moment) {
        const TraceFrame& frame = moment.trace.frames[moment.chain.back()];
        const auto& bytes = moment.place.needs.back().live_bytes;
        if (moment.place.step != frame.first_step || bytes.none()) return std::nullopt;
        const auto first = static_cast<int>(bytes._Find_first());
        return fmt::format("the function at {} reads stack at {}, which nobody wrote", frame.entry,
                           first - static_cast<int>(kStackBytes));
    }

    std::string describe(const Moment& moment) const {
        const uint32_t pc = moment.step().insn;
        std::string text = fmt::format("step {}, insn {}: {}", moment.place.step, pc,
                                       vm::disassemble(setup_.code[pc].insn));
        size_t shown = 0, alike = 0;
        for (const State& state : book_.states(pc)) {
            if (!same_chain(state, moment)) continue;
            ++alike;
            if (++shown <= kStatesShown) text += "\n  a state misses it: " + missed(state, moment);
        }
        return text + fmt::format("\n  {} states at this instruction, {} with these calls",
                                  book_.states(pc).size(), alike);
    }

    const StateCheckSetup& setup_;
    const StateBook& book_;
    const RunTrace& trace_;
    std::vector<size_t> hints_;
    std::optional<std::string> refusal_;
};

}  // namespace

std::optional<std::string> outside_of_states(const StateCheckSetup& setup, const StateBook& book,
                                             const RunTrace& trace) {
    if (book.is_full()) return std::nullopt;
    return Checker(setup, book, trace).run();
}

}  // namespace weir::tests
