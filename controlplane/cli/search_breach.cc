#include "controlplane/cli/search_breach.h"

#include <algorithm>

#include "controlplane/cli/search_cycle.h"

namespace weir::controlplane::cli {
namespace {

using vm::Format;

constexpr uint64_t kCircleInsns = 50'000;  ///< circles are short

/// Loops that the run itself bounds, after millions of rounds.
bool has_bounded_loops(const SearchBench& bench) {
    const auto is_bounded = [](const vm::DecodedSlot& slot) {
        const vm::DecodedInsn& insn = slot.insn;
        if (slot.second_slot) return false;
        if (insn.op == vm::Op::kCallKfunc) return true;
        return insn.op == vm::Op::kMayGoto ||
               (insn.op == vm::Op::kCallHelper &&
                (insn.imm == vm::number_of(vm::HelperId::loop) ||
                 insn.imm == vm::number_of(vm::HelperId::for_each_map_elem) ||
                 insn.imm == vm::number_of(vm::HelperId::user_ringbuf_drain)));
    };
    return std::ranges::any_of(bench.code(), is_bounded);
}

}  // namespace

bool is_about_the_end(const SearchBench& bench, const vm::Rejection& rejection) {
    return rejection.rule == "infinite-loop" || rejection.rule == "termination" ||
           (rejection.rule == "budget" && rejection.message.contains("towards") &&
            !has_bounded_loops(bench));
}

std::vector<Decision> decisions_of(const vm::ProgramSpec& program, const vm::Rejection& rejection) {
    std::vector<Decision> decisions;
    const size_t known =
        rejection.path_left_out == 0 ? rejection.path.size() : rejection.path.size() / 2;
    for (const vm::PathStep& step : std::span(rejection.path).first(known)) {
        const auto insn = vm::decode(program.insns, step.insn);
        if (!insn) break;
        const Format format = vm::op_info(insn->op).format;
        if (format == Format::JumpImm || format == Format::JumpReg)
            decisions.push_back({step.insn, step.taken});
    }
    return decisions;
}

/// The verifier leaves out jumps whose way it knew; a run has no choice at those either.
Progress follow(std::span<const Decision> decisions, std::span<const Branch> branches) {
    Progress progress;
    for (size_t i = 0; i < branches.size() && progress.matched < decisions.size(); ++i) {
        const Decision& wanted = decisions[progress.matched];
        const Branch& branch = branches[i];
        if (branch.insn != wanted.insn) continue;
        if (branch.condition.taken == wanted.taken) {
            ++progress.matched;
        } else if (!branch.condition.is_constant()) {
            progress.deviation = i;
            break;
        }
    }
    return progress;
}

bool is_at_suspect(const Breach& breach, const vm::Rejection& rejection) {
    return breach.insn == rejection.insn || breach.kind == BreachKind::Circle ||
           breach.kind == BreachKind::Endless;
}

std::optional<Breach> breach_of(SearchBench& bench, const SearchInput& input,
                                const vm::Rejection& rejection, const SearchRun& run,
                                const Shadow& shadow) {
    if (run.fault && run.fault->kind == vm::FaultKind::Violation)
        return Breach{BreachKind::Fault, run.fault->insn, run.fault->message};
    if (run.fault && run.fault->kind == vm::FaultKind::Budget) {
        CycleWatch cycle;
        bench.run(input, kCircleInsns, &cycle);
        if (cycle.found()) return Breach{BreachKind::Circle, *cycle.found(), {}};
        if (is_about_the_end(bench, rejection)) {
            const SearchRun longer = bench.run(input, kEndlessInsns, nullptr);
            if (longer.fault && longer.fault->kind == vm::FaultKind::Budget)
                return Breach{BreachKind::Endless, longer.fault->insn, {}};
        }
    }
    const Suspect& suspect = shadow.suspect();
    if (rejection.rule == "uninitialized" && suspect.unwritten_stack())
        return Breach{BreachKind::Unwritten, rejection.insn, {}, *suspect.unwritten_stack()};
    if (rejection.rule == "pointer-leak" && suspect.hands_out_address())
        return Breach{BreachKind::Leak, rejection.insn, {}};
    return std::nullopt;
}

}  // namespace weir::controlplane::cli
