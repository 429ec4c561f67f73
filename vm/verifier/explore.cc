// Abstract interpretation, path by path and depth first: the instruction changes the state, a jump
// whose two ways are possible leaves one of them for later, and where paths meet a state that was
// explored before ends the path.

#include "vm/verifier/explore.h"

#include <chrono>

#include <fmt/format.h>

#include "vm/program/stack_chain.h"
#include "vm/verifier/checks.h"
#include "vm/verifier/explain.h"
#include "vm/verifier/observer.h"
#include "vm/verifier/prune.h"

namespace weir::vm::verifier {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kStateBytesMax = 256u << 20;  ///< stored states and paths left for later
constexpr uint32_t kInsnsPerClockRead = 64;
/// Storing a state pays only after some work, and loops with little in them need not fill the
/// store.
constexpr uint32_t kInsnsBetweenStates = 8, kJumpsBetweenStates = 2;

enum class After : uint8_t { Next, Jumped, Ended };
using Walked = std::expected<After, Fault>;

Walked next(const Checked& checked) {
    if (!checked) return std::unexpected(checked.error());
    return After::Next;
}

class Explorer {
public:
    Explorer(const ProgramSpec& program, const std::vector<DecodedSlot>& slots, const Cfg& cfg,
             const Budget& budget, Observer* observer)
        : env_{program, slots, cfg, {}, {}, {}, 0},
          store_(cfg),
          budget_(budget),
          observer_(observer),
          deadline_(Clock::now() +
                    std::chrono::milliseconds(std::min<uint64_t>(budget.time_ms_max, 1u << 30))) {
        env_.facts.resize(slots.size());
        env_.fact_known.resize(slots.size());
        env_.stack_bytes.resize(program.subprograms.size());
    }

    std::expected<Proof, Rejection> run() {
        Path first;
        first.state.frames.push_back(make_frame(0, 0));
        first.state.top().regs[1] = Reg::pointer(RegKind::Context);
        pending_.push_back(std::move(first));
        while (!pending_.empty()) {
            Path path = std::move(pending_.back());
            pending_.pop_back();
            pending_bytes_ -= std::min(pending_bytes_, path.state.memory_bytes());
            if (const Checked walked = walk(path); !walked)
                return std::unexpected(explain(env_.program, path.pc, walked.error(), &path.state));
            store_.finish(path);
        }
        if (const Checked fits = check_stack_chains(); !fits)
            return std::unexpected(explain(env_.program, 0, fits.error(), nullptr));
        return proof();
    }

private:
    /// Follows one path to its end.
    Checked walk(Path& path) {
        for (;;) {
            if (const Checked within = check_budget(); !within) return within;
            if (env_.cfg.meets[path.pc] != 0) {
                switch (store_.look_up(path)) {
                    case StateStore::Seen::Explored: return {};
                    case StateStore::Seen::Loop:
                        return fault("infinite-loop",
                                     "this point is reached again with nothing changed; the loop "
                                     "must make progress towards its end");
                    case StateStore::Seen::New: break;
                }
                if (path.insns_since_parent >= kInsnsBetweenStates &&
                    path.jumps_since_parent >= kJumpsBetweenStates)
                    store_.add(path);
            }
            if (observer_ != nullptr) observer_->at(path.pc, path.state);
            env_.facts[path.pc].reachable = true;
            ++visited_;
            ++path.insns_since_parent;
            const DecodedInsn& insn = env_.slots[path.pc].insn;
            Step step{env_, path, path.pc, insn};
            const Walked after = walk_insn(step);
            if (!after) return std::unexpected(after.error());
            if (*after == After::Ended) return {};
            if (*after == After::Next) path.pc += insn.slots();
        }
    }

    Walked walk_insn(Step& step) {
        switch (op_info(step.insn.op).format) {
            case Format::AluImm:
            case Format::AluReg:
            case Format::AluUnary:
            case Format::ByteOrder: return next(check_alu(step));
            case Format::JumpImm:
            case Format::JumpReg: return walk_branch(step);
            case Format::Goto:
            case Format::GotoLong:
                ++step.path.jumps_since_parent;
                step.path.pc = static_cast<uint32_t>(jump_target(step.insn, step.pc).slot);
                return After::Jumped;
            case Format::Call: return walk_call(step);
            case Format::Exit: return walk_exit(step);
            case Format::LoadImm64: return next(check_load_imm64(step));
            case Format::Load: return next(check_load(step));
            case Format::StoreImm:
            case Format::StoreReg: return next(check_store(step));
            case Format::Atomic: return next(check_atomic(step));
            case Format::MayGoto:
            case Format::CallReg:
            case Format::LoadPacketAbs:
            case Format::LoadPacketInd: break;
        }
        return fault("instruction", fmt::format("instruction {} is not offered to xdp programs",
                                                op_info(step.insn.op).name));
    }

    Walked walk_branch(Step& step) {
        ++step.path.jumps_since_parent;
        const auto target = static_cast<uint32_t>(jump_target(step.insn, step.pc).slot);
        State taken;
        const auto branch = check_branch(step, taken);
        if (!branch) return std::unexpected(branch.error());
        if (branch->taken_possible && branch->fallthrough_possible) {
            leave_for_later(step.path, std::move(taken), target);
        } else if (branch->taken_possible) {
            step.path.pc = target;
            return After::Jumped;
        }
        return After::Next;
    }

    void leave_for_later(const Path& path, State state, uint32_t pc) {
        Path later;
        later.state = std::move(state);
        later.pc = pc;
        later.parent = path.parent;
        later.written = path.written;
        later.insns_since_parent = path.insns_since_parent;
        later.jumps_since_parent = path.jumps_since_parent;
        pending_bytes_ += later.state.memory_bytes();
        StateStore::fork(later);
        pending_.push_back(std::move(later));
    }

    Walked walk_call(Step& step) {
        if (step.insn.op == Op::kCallHelper) return next(check_helper_call(step));
        if (step.insn.op != Op::kCallLocal)
            return fault(
                "instruction",
                fmt::format("calls of kernel functions (kfunc {}) are not offered", step.insn.imm));
        ++step.path.jumps_since_parent;
        const Checked called = check_local_call(step);
        if (!called) return std::unexpected(called.error());
        return After::Jumped;
    }

    static Walked walk_exit(Step& step) {
        const auto ended = check_exit(step);
        if (!ended) return std::unexpected(ended.error());
        return *ended ? After::Ended : After::Jumped;
    }

    Checked check_budget() const {
        const auto over = [](std::string_view what, uint64_t most, std::string_view unit) {
            return fault("budget", fmt::format("not proven within the budget: {} {} {} were not "
                                               "enough; fewer paths or shorter loops are needed",
                                               most, unit, what));
        };
        if (visited_ >= budget_.visited_insns_max)
            return over("of walking", budget_.visited_insns_max, "instructions");
        if (store_.states() + pending_.size() > budget_.states_max)
            return over("of paths", budget_.states_max, "states");
        if (store_.memory_bytes() + pending_bytes_ > kStateBytesMax)
            return over("for states", kStateBytesMax >> 20, "MiB");
        if (visited_ % kInsnsPerClockRead == 0 && Clock::now() > deadline_)
            return over("of time", budget_.time_ms_max, "ms");
        return {};
    }

    Proof proof() {
        Proof proof;
        proof.facts = std::move(env_.facts);
        for (const uint32_t subprogram : deepest_chain(env_.stack_bytes))
            proof.stack_bytes_total += env_.stack_bytes[subprogram];
        proof.stack_bytes = std::move(env_.stack_bytes);
        proof.visited_insns = visited_;
        return proof;
    }

    Checked check_stack_chains() const {
        std::vector<uint32_t> counted;
        for (const uint32_t bytes : env_.stack_bytes) counted.push_back(counted_stack(bytes));
        const std::vector<uint32_t> chain = deepest_chain(counted);
        std::vector<ChainFrame> frames;
        for (const uint32_t subprogram : chain)
            frames.push_back({env_.program.subprograms[subprogram].name, counted[subprogram]});
        const std::optional<std::string> refusal = stack_chain_refusal(frames);
        if (!refusal) return {};
        return fault("stack-depth", *refusal, env_.program.subprograms[chain.back()].insn);
    }

    /// The subprograms of the chain with the largest sum, from the program on. The call graph has
    /// no cycles, so that sums are final when they were taken as often as the longest chain has
    /// calls.
    std::vector<uint32_t> deepest_chain(const std::vector<uint32_t>& own) const {
        std::vector<uint32_t> total = own;
        std::vector<uint32_t> next(own.size());  // 0: nobody, as nobody calls the program itself
        for (uint32_t round = 0; round < kCallDepthMax; ++round)
            for (size_t caller = 0; caller < own.size(); ++caller)
                for (const uint32_t callee : env_.cfg.calls[caller])
                    if (own[caller] + total[callee] > total[caller]) {
                        total[caller] = own[caller] + total[callee];
                        next[caller] = callee;
                    }
        std::vector<uint32_t> chain = {0};
        while (next[chain.back()] != 0) chain.push_back(next[chain.back()]);
        return chain;
    }

    Env env_;
    StateStore store_;
    const Budget& budget_;
    Observer* observer_;
    Clock::time_point deadline_;
    std::vector<Path> pending_;
    uint64_t pending_bytes_ = 0;
    uint64_t visited_ = 0;
};

}  // namespace

std::expected<Proof, Rejection> explore(const ProgramSpec& program,
                                        const std::vector<DecodedSlot>& slots, const Cfg& cfg,
                                        const Budget& budget, Observer* observer) {
    return Explorer(program, slots, cfg, budget, observer).run();
}

}  // namespace weir::vm::verifier
