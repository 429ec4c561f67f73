// Backward, because what a packet must have is decided by what comes later: from `ret #0` on
// every packet gives 0; a load of bytes [k, k + n) gives 0 for every packet shorter than k + n;
// a branch needs what both of its ways need. So the first load of "tcp port 80" may ask at once
// for all that the shortest successful path reads, and the later ones need not ask again.

#include "vm/cbpf/analysis.h"

#include <algorithm>

#include "vm/base/check.h"

namespace weir::vm::cbpf {
namespace {

class Analysis {
public:
    explicit Analysis(std::span<const ClassicInsn> insns)
        : insns_(insns), facts_(insns.size() + 1) {}

    std::vector<Facts> run() {
        for (size_t pc = insns_.size(); pc-- > 0;) look_back(pc);
        facts_[0].reachable = true;
        for (size_t pc = 0; pc < insns_.size(); ++pc) look_ahead(pc);
        return std::move(facts_);
    }

private:
    void look_back(size_t pc) {
        const ClassicInsn& insn = insns_[pc];
        const ClassicOp& op = *classic_op(insn.code);
        Facts& here = facts_[pc];
        if (is_return(op.form)) {
            here.always_zero = op.form == Form::ReturnConstant && insn.k == 0;
            here.reads_a = op.form == Form::ReturnA;
            return;
        }
        const Targets to = targets_of(insn, op.form, pc);
        here = either(facts_[to.when_true], facts_[to.when_false]);
        need_bytes(here, op, insn);
        use_registers(here, op.form);
    }

    /// What both ways need; a way that always gives 0 asks for nothing.
    static Facts either(const Facts& a, const Facts& b) {
        if (a.always_zero) return b;
        if (b.always_zero) return a;
        Facts both;
        both.reads_a = a.reads_a || b.reads_a;
        both.reads_x = a.reads_x || b.reads_x;
        both.needs_bytes = std::min(a.needs_bytes, b.needs_bytes);
        both.needs_x_bytes = std::min(a.needs_x_bytes, b.needs_x_bytes);
        return both;
    }

    static void need_bytes(Facts& here, const ClassicOp& op, const ClassicInsn& insn) {
        if (op.bytes == 0) return;
        const uint64_t end = uint64_t{insn.k} + op.bytes;
        if (end > kReachBytes) {
            here.always_zero = true;
            return;
        }
        here.needs_bytes = std::max(here.needs_bytes, static_cast<uint32_t>(end));
        if (op.form == Form::LoadIndexed)
            here.needs_x_bytes = std::max(here.needs_x_bytes, static_cast<uint32_t>(end));
    }

    static void use_registers(Facts& here, Form form) {
        switch (form) {
            case Form::LoadAbsolute:
            case Form::LoadLength:
            case Form::LoadConstant:
            case Form::LoadScratch: here.reads_a = false; return;
            case Form::LoadIndexed:
            case Form::MoveFromX:
                here.reads_a = false;
                here.reads_x = true;
                return;
            case Form::LoadXHeader:
            case Form::LoadXLength:
            case Form::LoadXConstant:
            case Form::LoadXScratch: forget_x(here); return;
            case Form::MoveToX:
                forget_x(here);
                here.reads_a = true;
                return;
            case Form::Store:
            case Form::AluConstant:
            case Form::DivideConstant:
            case Form::ShiftConstant:
            case Form::Negate:
            case Form::BranchConstant: here.reads_a = true; return;
            case Form::StoreX: here.reads_x = true; return;
            case Form::AluX:
            case Form::DivideX:
            case Form::ShiftX:
            case Form::BranchX:
                here.reads_a = true;
                here.reads_x = true;
                return;
            case Form::Jump:
            case Form::ReturnConstant:
            case Form::ReturnA: return;
        }
    }

    static void forget_x(Facts& here) {
        here.reads_x = false;
        here.needs_x_bytes = 0;
    }

    void look_ahead(size_t pc) {
        if (!facts_[pc].reachable || facts_[pc].always_zero) return;
        const ClassicInsn& insn = insns_[pc];
        const Form form = classic_op(insn.code)->form;
        if (is_return(form)) return;
        const Targets to = targets_of(insn, form, pc);
        enter(to.when_true);
        if (to.when_false != to.when_true) enter(to.when_false);
    }

    void enter(size_t pc) {
        facts_[pc].merge = facts_[pc].reachable;
        facts_[pc].reachable = true;
    }

    std::span<const ClassicInsn> insns_;
    std::vector<Facts> facts_;
};

}  // namespace

Targets targets_of(const ClassicInsn& insn, Form form, size_t pc) {
    WEIR_CHECK(!is_return(form));
    if (form == Form::Jump) return {pc + 1 + insn.k, pc + 1 + insn.k};
    if (is_branch(form)) return {pc + 1 + insn.jt, pc + 1 + insn.jf};
    return {pc + 1, pc + 1};
}

std::vector<Facts> analyse(const ClassicProgram& program) {
    return Analysis(program.insns()).run();
}

uint64_t path_insns(const ClassicProgram& program, uint64_t most) {
    const std::span<const ClassicInsn> insns = program.insns();
    std::vector<uint64_t> below(insns.size() + 1);
    for (size_t pc = insns.size(); pc-- > 0;) {
        below[pc] = 1;
        const Form form = classic_op(insns[pc].code)->form;
        if (is_return(form)) continue;
        const Targets to = targets_of(insns[pc], form, pc);
        below[pc] += below[to.when_true];
        if (to.when_false != to.when_true) below[pc] += below[to.when_false];
        below[pc] = std::min(below[pc], most);
    }
    return below[0];
}

}  // namespace weir::vm::cbpf
