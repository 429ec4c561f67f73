#include "vm/verifier/retrace.h"

#include <algorithm>
#include <deque>
#include <iterator>

#include <fmt/format.h>

#include "vm/verifier/explain.h"
#include "vm/verifier/walk_insn.h"

namespace weir::vm::verifier {
namespace {

/// A path without decisions may go round in circles: the walk's own budget ended it.
constexpr uint64_t kInsnsMax = 200'000;

std::string operand(const Step& step, uint8_t index, bool is_half) {
    return fmt::format("{}{} ({})", is_half ? 'w' : 'r', index, describe_reg(step.reg(index)));
}

/// "r2 (pkt+14) > r3 (pkt_end)"; nothing of what is no comparison.
std::string condition_of(const Step& step) {
    const OpInfo& row = op_info(step.insn.op);
    if (row.format != Format::JumpImm && row.format != Format::JumpReg) return {};
    const bool is_half = row.bits == 32;
    const std::string left = operand(step, step.insn.dst, is_half);
    if (row.format == Format::JumpReg)
        return fmt::format("{} {} {}", left, row.spelling, operand(step, step.insn.src, is_half));
    constexpr int64_t kShort = 256;  // above, people know constants by their hex digits
    const int64_t imm = step.insn.imm;
    if (imm < kShort) return fmt::format("{} {} {}", left, row.spelling, imm);
    return fmt::format("{} {} {} ({:#x})", left, row.spelling, imm, imm);
}

std::string_view call_words(const DecodedInsn& insn, bool taken) {
    if (insn.op == Op::kCallKfunc) return taken ? "no number is left" : "gives another number";
    if (insn.imm == number_of(HelperId::tail_call))
        return taken ? "the called program returns" : "the tail call fails";
    return taken ? "no further round" : "another round of the callback";
}

/// Which of the two ways out of the instruction.
std::string_view way_words(const DecodedInsn& insn, bool taken) {
    switch (op_info(insn.op).format) {
        case Format::MayGoto: return taken ? "may_goto: jumps" : "may_goto: goes on";
        case Format::Exit: return taken ? "the callback ends the rounds" : "the callback goes on";
        case Format::Call: return call_words(insn, taken);
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::Goto:
        case Format::GotoLong:
        case Format::CallReg:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
        case Format::Load:
        case Format::StoreImm:
        case Format::StoreReg:
        case Format::Atomic: break;
    }
    return taken ? ": taken" : ": not taken";
}

std::string arguments_of(const Frame& callee) {
    std::string text;
    for (uint8_t i = 1; i <= 5; ++i)
        if (callee.regs[i].kind != RegKind::Uninit)
            text +=
                fmt::format("{}r{}={}", text.empty() ? "" : ", ", i, describe_reg(callee.regs[i]));
    return text;
}

/// The choices of a path, oldest first.
std::vector<Choice> choices_of(const Env& env, const Path& path) {
    std::vector<Choice> choices;
    for (uint32_t at = path.trail; at != 0; at = env.trail[at].before)
        choices.push_back(env.trail[at]);
    std::ranges::reverse(choices);
    return choices;
}

Root root_of(const Env& env, const Path& path) {
    const Frame& first = path.state.frames.front();
    const auto found = std::ranges::find_if(env.roots, [&](const Root& root) {
        return root.subprogram == first.subprogram && root.caller == first.caller;
    });
    return found == env.roots.end() ? Root{} : *found;
}

class Retracer {
public:
    Retracer(Env& env, const Path& path)
        : env_(env), choices_(choices_of(env, path)), end_(path.pc) {
        const Root root = root_of(env, path);
        path_.state = first_state(env, root);
        path_.pc = env.program.subprograms[root.subprogram].insn;
    }

    Retraced run() {
        for (uint64_t insns = 0; insns < kInsnsMax; ++insns)
            if (is_there() || !walk()) break;
        std::ranges::move(latest_, std::back_inserter(retraced_.steps));
        return std::move(retraced_);
    }

private:
    bool is_there() const { return next_ == choices_.size() && path_.pc == end_; }

    /// False: the path ends.
    bool walk() {
        const uint32_t pc = path_.pc;
        const DecodedInsn& insn = env_.slots[pc].insn;
        Step step{env_, path_, pc, insn};
        std::string condition = is_next(pc) ? condition_of(step) : "";
        const size_t frames = path_.state.frames.size();
        Walked onward = walk_insn(step);
        if (!onward || onward->where == Onward::Where::Ended) return false;
        if (onward->where == Onward::Where::Next) path_.pc += insn.slots();
        if (onward->other) return decide(pc, *onward->other, std::move(condition));
        note_frames(pc, frames);
        return true;
    }

    bool is_next(uint32_t insn) const {
        return next_ < choices_.size() && choices_[next_].pc == insn;
    }

    bool decide(uint32_t insn, OtherWay& other, std::string condition) {
        if (!is_next(insn)) return false;
        const bool taken = choices_[next_++].taken;
        note(insn, taken, condition.append(way_words(env_.slots[insn].insn, taken)));
        if (taken) {
            path_.state = std::move(other.state);
            path_.pc = other.pc;
        }
        return true;
    }

    void note_frames(uint32_t insn, size_t before) {
        const State& state = path_.state;
        if (state.frames.size() > before)
            note(insn, true,
                 fmt::format("calls {}({})", env_.program.subprograms[state.top().subprogram].name,
                             arguments_of(state.top())));
        else if (state.frames.size() < before)
            note(insn, true, fmt::format("returns r0={}", describe_reg(state.top().regs[0])));
    }

    void note(uint32_t insn, bool taken, std::string condition) {
        PathStep step{insn, taken, std::move(condition), source_line(env_.program, insn)};
        if (retraced_.steps.size() < kPathStepsMax / 2) {
            retraced_.steps.push_back(std::move(step));
            return;
        }
        latest_.push_back(std::move(step));
        if (latest_.size() <= kPathStepsMax / 2) return;
        latest_.pop_front();
        ++retraced_.left_out;
    }

    Env& env_;
    std::vector<Choice> choices_;
    uint32_t end_;
    size_t next_ = 0;
    Path path_;
    Retraced retraced_;
    std::deque<PathStep> latest_;  ///< where the first half of `steps` is full
};

}  // namespace

Retraced retrace(Env& env, const Path& path) {
    return Retracer(env, path).run();
}

}  // namespace weir::vm::verifier
