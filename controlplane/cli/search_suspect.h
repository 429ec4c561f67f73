#pragma once
// The instruction of a rejection, as a run comes to it: what would make it go wrong, and what it
// does wrong that the instrumented interpreter lets pass.

#include <bitset>
#include <cstdint>
#include <optional>
#include <vector>

#include "controlplane/cli/search_arguments.h"
#include "controlplane/cli/search_run.h"
#include "controlplane/cli/search_terms.h"
#include "vm/verifier/verifier.h"

namespace weir::controlplane::cli {

/// A condition that would break a rule at the suspect.
struct Goal {
    size_t branches = 0;  ///< that came before
    Condition condition;
};

class Suspect {
public:
    explicit Suspect(const vm::Rejection& rejection)
        : insn_(rejection.insn),
          is_loop_(rejection.rule == "infinite-loop" || rejection.rule == "budget") {}

    void begin(const SearchScene& scene) { scene_.emplace(scene); }
    /// Before the instruction, wherever the run is; `branches` came before.
    void look(const vm::RunStep& step, const Registers& registers, Terms& terms, size_t branches);
    /// A frame begins: nothing in it was written.
    void enter_frame(uint32_t depth);
    void note_write(const vm::RunStep& step, uint64_t address, uint64_t bytes);

    bool is_reached() const { return visits_ != 0; }
    const std::vector<Goal>& goals() const { return goals_; }
    /// It hands out an address, in one of the first rounds.
    bool hands_out_address() const { return hands_out_address_; }
    /// Offset from r10 of a byte of stack that it reads and nothing wrote on this run.
    std::optional<int64_t> unwritten_stack() const { return unwritten_stack_; }

private:
    struct Visit {
        const vm::RunStep& step;
        const Registers& registers;
        Terms& terms;
        size_t branches;
    };
    struct Bounds {
        Value low, high;
    };

    void add_goal(const Visit& visit, vm::Op op, Value a, Value b);
    void look_at_access(const Visit& visit, const vm::DecodedInsn& insn);
    void look_at_sum(const Visit& visit, const vm::DecodedInsn& insn);
    void look_at_call(const Visit& visit, const vm::DecodedInsn& insn);
    void look_for_circle(const Visit& visit);
    void add_bounds(const Visit& visit, Value address, Value bytes);
    std::optional<Bounds> bounds_of(const Visit& visit, uint64_t address) const;
    bool is_written(const Visit& visit, uint64_t address) const;
    void look_for_unwritten(const Visit& visit, Value address, uint64_t bytes);

    uint32_t insn_;
    bool is_loop_;  ///< what goes wrong is that the run comes here again and again
    std::optional<SearchScene> scene_;
    std::vector<std::bitset<kStackBytes>> written_;  ///< per open frame, byte 0 the lowest
    std::vector<Goal> goals_;
    bool hands_out_address_ = false;
    std::optional<int64_t> unwritten_stack_;
    uint32_t visits_ = 0;
    std::optional<Registers> visit_before_;
};

}  // namespace weir::controlplane::cli
