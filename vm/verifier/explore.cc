// Abstract interpretation, path by path and depth first: the instruction changes the state, a jump
// whose two ways are possible leaves one of them for later, and where paths meet a state that was
// explored before ends the path.
//
// Loops and crowds. A path that comes back to the head of a loop, or that meets too many states
// none of which contains it, is continued from a weaker state that contains it and the other one
// (generalise.h): an attempt. Below the head of a loop the path that comes back into the head ends
// (prune.h), so that a loop costs its body and not its rounds; one that outgrows the head starts
// the attempt anew from a still weaker state. A fault below an attempt says nothing of the program:
// the attempt is rolled back and the path goes on from what it really was, round by round.

#include "vm/verifier/explore.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "vm/base/check.h"
#include "vm/verifier/explain.h"
#include "vm/verifier/generalise.h"
#include "vm/verifier/meter.h"
#include "vm/verifier/observer.h"
#include "vm/verifier/prune.h"
#include "vm/verifier/stack_depth.h"
#include "vm/verifier/walk_insn.h"

namespace weir::vm::verifier {
namespace {

/// Storing a state pays only after some work, and loops with little in them need not fill the
/// store.
constexpr uint32_t kInsnsBetweenStates = 8, kJumpsBetweenStates = 2;
/// Rounds of a loop before the first attempt, comparisons in vain at a place where paths meet
/// before one is made there; and by how much both grow where an attempt failed.
constexpr uint32_t kFirstRound = 2, kCrowd = 12, kAfterFailure = 4;
/// Of one head: how often it may be made weaker, and from when on everything that differs is
/// unknown.
constexpr uint32_t kWideningsMax = 10, kFarAfter = 5, kAnythingAfter = 8;

/// A path that goes on from a weaker state than its own.
struct Attempt {
    Path original;
    StoredState* head = nullptr;
    size_t pending = 0;    ///< paths that were left for later before it
    uint32_t serial = 0;   ///< first state that was stored for it
    uint64_t visited = 0;  ///< instructions when it began
    uint64_t visited_max = 0;
    uint32_t widenings = 0;
    uint32_t iteration = 0;
    bool is_loop = false;
    bool was_stalled = false;
};

/// Of one slot.
struct Patience {
    uint32_t next_round = kFirstRound;
    uint32_t crowd = kCrowd;
    bool stall_failed = false;
};

enum class After : uint8_t { GoesOn, Ended };

class Explorer {
public:
    Explorer(const ProgramSpec& program, const std::vector<DecodedSlot>& slots, const Cfg& cfg,
             const Budget& budget, Observer* observer)
        : env_{.program = program, .slots = slots, .cfg = cfg},
          store_(cfg, env_.depend),
          meter_(program, cfg, budget),
          observer_(observer),
          patience_(slots.size()) {
        env_.facts.resize(slots.size());
        env_.fact_known.resize(slots.size());
        env_.stack_bytes.resize(program.subprograms.size());
        env_.callbacks.resize(program.subprograms.size());
        env_.tail_calls.resize(program.subprograms.size());
        env_.summaries.resize(program.subprograms.size());
        env_.roots.push_back({});
    }

    std::expected<Proof, Rejection> run(bool by_contract) {
        if (by_contract) prove_contracts();
        for (size_t i = 0; i < env_.roots.size(); ++i) {
            const auto worst = explore_root(env_.roots[i]);
            if (!worst)
                return std::unexpected(
                    explain(env_, failed_.pc, with_guess(worst.error()), &failed_));
            meter_.worst_insns = std::max(meter_.worst_insns, *worst);
        }
        if (const Checked fits = check_stack_depth(env_); !fits)
            return std::unexpected(explain(env_, 0, fits.error(), nullptr));
        return proof();
    }

private:
    // -- global functions, once each -------------------------------------------------------------

    /// Called ones first. What cannot be proven for all calls is walked at each.
    void prove_contracts() {
        std::vector<uint8_t> seen(env_.program.subprograms.size());
        for (uint32_t i = 0; i < seen.size(); ++i) prove_called_first(i, seen);
    }

    void prove_called_first(uint32_t subprogram, std::vector<uint8_t>& seen) {
        if (seen[subprogram] != 0) return;
        seen[subprogram] = 1;
        for (const uint32_t callee : env_.cfg.calls[subprogram]) prove_called_first(callee, seen);
        if (env_.program.subprograms[subprogram].contract && !meter_.is_spent())
            prove_contract(subprogram);
    }

    void prove_contract(uint32_t subprogram) {
        const auto learnt = std::tuple(env_.facts, env_.fact_known, env_.stack_bytes,
                                       env_.callbacks, env_.tail_calls, env_.roots);
        const uint32_t first = store_.next_serial();
        env_.walked = {};
        root_visited_max_ = meter_.attempt_visited_max(true);
        const auto worst = explore_root({subprogram, Caller::Contract, 0});
        root_visited_max_ = UINT64_MAX;
        if (worst) {
            env_.summaries[subprogram] = env_.walked;
            env_.summaries[subprogram].is_proven = true;
            env_.summaries[subprogram].worst_insns = *worst;
            return;
        }
        pending_.clear();
        attempts_.clear();
        meter_.pending_bytes = 0;
        guess_.clear();
        store_.roll_back(first);
        std::tie(env_.facts, env_.fact_known, env_.stack_bytes, env_.callbacks, env_.tail_calls,
                 env_.roots) = learnt;
    }

    /// Upper bound of what a run of it executes. After a fault `failed_` is the path.
    std::expected<uint64_t, Fault> explore_root(const Root root) {
        const uint32_t first = store_.next_serial();
        pending_.push_back(first_path(root));
        while (!pending_.empty()) {
            Path path = std::move(pending_.back());
            pending_.pop_back();
            meter_.pending_bytes -= path.state.memory_bytes();
            if (const Checked walked = walk(path); !walked) {
                if (attempts_.empty() || meter_.is_spent()) {
                    failed_ = std::move(path);
                    return std::unexpected(walked.error());
                }
                note_guess(path.pc, walked.error());
                give_up();
            }
            while (!attempts_.empty() && attempts_.back().pending == pending_.size())
                attempts_.pop_back();
        }
        return store_.insns_from(first);
    }

    /// What stood against a loop's induction is likely to be what stands against the program.
    void note_guess(uint32_t pc, const Fault& fault) {
        if (attempts_.back().is_loop && fault.rule != "budget")
            guess_ =
                fmt::format("; for all rounds at once it fails at insn {}: {}", pc, fault.message);
    }
    Fault with_guess(Fault fault) const {
        if (fault.rule == "budget") fault.message += guess_;
        return fault;
    }

    Path first_path(const Root& root) {
        Path path;
        path.pc = env_.program.subprograms[root.subprogram].insn;
        path.state = first_state(env_, root);
        store_.add(path);
        meter_.pending_bytes += path.state.memory_bytes();
        return path;
    }

    /// Follows one path to its end.
    Checked walk(Path& path) {
        for (;;) {
            const uint64_t attempt_max =
                attempts_.empty() ? root_visited_max_
                                  : std::min(root_visited_max_, attempts_.back().visited_max);
            if (const Checked within =
                    meter_.check(store_, env_.depend, pending_.size(), attempt_max);
                !within)
                return within;
            if (env_.cfg.roles[path.pc].meets) {
                const auto met = meet(path);
                if (!met) return std::unexpected(met.error());
                if (*met == After::Ended) return {};
            }
            if (observer_ != nullptr) observer_->at(path.pc, path.state);
            env_.facts[path.pc].reachable = true;
            meter_.visit(path.pc);
            ++path.insns_since_parent;
            const DecodedInsn& insn = env_.slots[path.pc].insn;
            Step step{env_, path, path.pc, insn};
            Walked onward = walk_insn(step);
            if (!onward) return std::unexpected(onward.error());
            const bool forks = onward->other.has_value();
            if (forks) leave_for_later(path, std::move(*onward->other), step.pc);
            if (onward->where == Onward::Where::Ended) {
                store_.finish(path);
                return {};
            }
            if (onward->where == Onward::Where::Next) {
                path.came_back = env_.cfg.roles[step.pc].runs_back;
                path.pc += insn.slots();
            }
            if (forks && says_less_when_taken(path, step.pc, insn.op)) take_the_other_way(path);
        }
    }

    /// Where two ways meet again, what the first of them leaves stored is to contain the second: so
    /// first the one on which a number is only known not to be another. Not in loops: their rounds
    /// are walked until they change nothing, for which what changes more comes first.
    bool says_less_when_taken(const Path& path, uint32_t pc, Op op) const {
        const bool is_unequal = op == Op::kJne64Imm || op == Op::kJne64Reg || op == Op::kJne32Imm ||
                                op == Op::kJne32Reg;
        return is_unequal && !env_.cfg.roles[pc].in_loop &&
               std::ranges::none_of(path.state.frames, [this](const Frame& frame) {
                   return frame.rounds != 0 || env_.cfg.roles[frame.call_slot].in_loop;
               });
    }

    void take_the_other_way(Path& path) {
        Path& other = pending_.back();
        meter_.pending_bytes += path.state.memory_bytes();
        meter_.pending_bytes -= other.state.memory_bytes();
        std::swap(path, other);
    }

    uint32_t chosen(const Path& path, uint32_t pc, bool taken) {
        env_.trail.push_back({path.trail, pc, taken});
        return static_cast<uint32_t>(env_.trail.size() - 1);
    }

    void leave_for_later(Path& path, OtherWay other, uint32_t pc) {
        Path later;
        later.state = std::move(other.state);
        later.pc = other.pc;
        later.parent = path.parent;
        later.written = path.written;
        later.insns_since_parent = path.insns_since_parent;
        later.jumps_since_parent = path.jumps_since_parent;
        later.came_back = other.comes_back;
        later.trail = chosen(path, pc, true);
        path.trail = chosen(path, pc, false);
        meter_.pending_bytes += later.state.memory_bytes();
        StateStore::fork(later);
        pending_.push_back(std::move(later));
    }

    // -- where paths meet ------------------------------------------------------------------------

    std::expected<After, Fault> meet(Path& path) {
        const StateStore::Found found = store_.look_up(path);
        switch (found.seen) {
            case StateStore::Seen::Explored:
            case StateStore::Seen::Covered: return After::Ended;
            case StateStore::Seen::Stalled: return stalled(path, *found.state);
            case StateStore::Seen::Outgrown: return outgrown(path, *found.state);
            case StateStore::Seen::Again: return another_round(path, *found.state);
            case StateStore::Seen::New: break;
        }
        if (store_.in_vain(path.pc) > patience_[path.pc].crowd && meter_.may_guess()) {
            store_.in_vain(path.pc) = 0;
            if (const StoredState* old = store_.youngest(path))
                if (auto general =
                        generalise(env_, Generalise::Join, path.pc, old->state, path.state)) {
                    keep_nodes(path.state, *general);
                    begin_attempt(path, std::move(*general), false, 0, kEveryName);
                    return After::GoesOn;
                }
        }
        keep(path, 0);
        return After::GoesOn;
    }

    bool is_head(const Path& path) const {
        return env_.cfg.roles[path.pc].heads_loop || path.state.top().rounds != 0;
    }

    void keep(Path& path, uint32_t iteration) {
        path.came_back = false;
        if (is_head(path) || (path.insns_since_parent >= kInsnsBetweenStates &&
                              path.jumps_since_parent >= kJumpsBetweenStates))
            store_.add(path).iteration = iteration;
    }

    std::expected<After, Fault> another_round(Path& path, const StoredState& before) {
        const uint32_t iteration = before.iteration + 1;
        if (iteration >= patience_[path.pc].next_round && widen(path, before, false))
            return After::GoesOn;
        keep(path, iteration);
        return After::GoesOn;
    }

    std::expected<After, Fault> stalled(Path& path, StoredState& before) {
        if (before.is_general_head) {
            blamed_ = &before;
            return fault("termination",
                         "this loop may come back here without any value having moved towards the "
                         "loop's end; count its rounds and compare the count with a constant");
        }
        if (!patience_[path.pc].stall_failed && widen(path, before, true)) return After::GoesOn;
        return fault("infinite-loop",
                     "this point is reached again with nothing changed; the loop must make "
                     "progress towards its end");
    }

    bool widen(Path& path, const StoredState& before, bool was_stalled) {
        const uint32_t first_name = env_.last_id + 1;
        auto general = generalise(env_, Generalise::Widen, path.pc, before.state, path.state);
        if (!general) return false;
        keep_nodes(path.state, *general);
        begin_attempt(path, std::move(*general), true, before.iteration + 1, first_name);
        attempts_.back().was_stalled = was_stalled;
        return true;
    }

    void begin_attempt(Path& path, State general, bool is_loop, uint32_t iteration,
                       uint32_t first_name) {
        Attempt attempt;
        attempt.original = path;
        attempt.pending = pending_.size();
        attempt.serial = store_.next_serial();
        attempt.visited_max = meter_.attempt_visited_max(is_loop);
        if (!attempts_.empty())
            attempt.visited_max = std::min(attempt.visited_max, attempts_.back().visited_max);
        attempt.is_loop = is_loop;
        attempt.visited = meter_.visited();
        attempt.iteration = iteration;
        attempts_.push_back(std::move(attempt));
        enter_head(path, std::move(general), first_name);
    }

    /// `first_name`: the first id that `general` may have been given.
    void enter_head(Path& path, State general, uint32_t first_name) {
        Attempt& attempt = attempts_.back();
        path.state = std::move(general);
        path.came_back = false;
        attempt.head = &store_.add(path);
        attempt.head->is_general_head = attempt.is_loop;
        if (attempt.is_loop) attempt.head->first_name = first_name;
        attempt.head->iteration = attempt.iteration;
    }

    static Generalise weaker(uint32_t widenings) {
        if (widenings >= kAnythingAfter) return Generalise::Anything;
        return widenings >= kFarAfter ? Generalise::WidenFar : Generalise::Widen;
    }

    /// The head of an attempt must contain this state, too.
    std::expected<After, Fault> outgrown(Path& path, StoredState& head) {
        blamed_ = &head;
        unwind();
        WEIR_CHECK(!attempts_.empty() && attempts_.back().head == &head);
        Attempt& attempt = attempts_.back();
        const bool is_enough = ++attempt.widenings > kWideningsMax;
        const uint32_t first_name = env_.last_id + 1;
        auto general = is_enough ? std::nullopt
                                 : generalise(env_, weaker(attempt.widenings), path.pc, head.state,
                                              path.state);
        if (!general) {
            blamed_ = &head;
            return fault("termination", "no state of the loop's head holds in all its rounds");
        }
        forget_attempt(attempt);
        path = attempt.original;
        keep_nodes(path.state, *general);
        enter_head(path, std::move(*general), first_name);
        return After::GoesOn;
    }

    // -- attempts that failed --------------------------------------------------------------------

    /// Ends the attempts that were begun below the one with the blamed head.
    void unwind() {
        while (blamed_ != nullptr && attempts_.back().head != blamed_ && attempts_.size() > 1 &&
               is_attempted(blamed_)) {
            forget_attempt(attempts_.back());
            attempts_.pop_back();
        }
        blamed_ = nullptr;
    }

    bool is_attempted(const StoredState* head) const {
        return std::ranges::any_of(attempts_,
                                   [head](const Attempt& each) { return each.head == head; });
    }

    void forget_attempt(const Attempt& attempt) {
        while (pending_.size() > attempt.pending) {
            meter_.pending_bytes -= pending_.back().state.memory_bytes();
            pending_.pop_back();
        }
        store_.roll_back(attempt.serial);
    }

    /// The path goes on from what it really was.
    void give_up() {
        unwind();
        Attempt attempt = std::move(attempts_.back());
        attempts_.pop_back();
        forget_attempt(attempt);
        meter_.waste(attempt.visited);
        Patience& patience = patience_[attempt.original.pc];
        if (attempt.is_loop) {
            patience.next_round = std::max(patience.next_round, attempt.iteration) * kAfterFailure;
            patience.stall_failed = patience.stall_failed || attempt.was_stalled;
        } else {
            patience.crowd *= kAfterFailure;
        }
        meter_.pending_bytes += attempt.original.state.memory_bytes();
        pending_.push_back(std::move(attempt.original));
    }

    Proof proof() {
        Proof proof;
        proof.facts = std::move(env_.facts);
        proof.stack_bytes_total = stack_bytes_total(env_);
        for (const Root& root : env_.roots)
            if (root.caller == Caller::Timer)
                proof.timer_callbacks.push_back({root.subprogram, root.map});
        proof.stack_bytes = std::move(env_.stack_bytes);
        proof.visited_insns = meter_.visited();
        proof.worst_insns = meter_.worst_insns;
        proof.states_peak = store_.states_max();
        proof.bytes_peak = meter_.bytes_peak;
        return proof;
    }

    Env env_;
    StateStore store_;
    Meter meter_;
    Observer* observer_;
    std::vector<Path> pending_;
    std::vector<Attempt> attempts_;
    std::vector<Patience> patience_;
    const StoredState* blamed_ = nullptr;
    std::string guess_;  ///< why the last attempt at a loop failed
    uint64_t root_visited_max_ = UINT64_MAX;
    Path failed_;
};

}  // namespace

std::expected<Proof, Rejection> explore(const ProgramSpec& program,
                                        const std::vector<DecodedSlot>& slots, const Cfg& cfg,
                                        const Budget& budget, Observer* observer,
                                        bool by_contract) {
    return Explorer(program, slots, cfg, budget, observer).run(by_contract);
}

}  // namespace weir::vm::verifier
