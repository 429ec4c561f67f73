#pragma once
// One program on trial: the verifier's verdict; if it accepts, runs over packets and map contents
// that tempt the program, in three ways.
//
// 1. The instrumented interpreter: a fault is an unsound proof.
// 2. The same run against the states that the verifier assumed (tests/support/state_check.h), where
//    every call is walked. What is accepted by contracts must be accepted so, too.
// 3. The proven interpreter, twice, with everything elsewhere in memory and other bytes on the
//    stack: what differs afterwards was a pointer, or stack that nobody wrote.

#include <expected>
#include <string>

#include "tests/differential/trial_world.h"
#include "vm/helpers/timers.h"
#include "vm/interp/interp.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {

enum class TrialEnd : uint8_t {
    Rejected,
    NotLoaded,  ///< the instrumented interpreter refuses it for code that no run reaches
    Passed,
    Faulted,
    AgainstFacts,
    OutsideOfStates,
    Leaked
};

struct TrialResult {
    TrialEnd end = TrialEnd::Rejected;
    std::string rule;  ///< Rejected
    std::string what;
};

struct TrialPlan {
    uint32_t runs = 8;
    uint32_t watched_runs = 0;         ///< of these, against the states
    uint32_t twin_runs = 1;            ///< and twice in the proven interpreter
    bool checks_cost = true;           ///< Proof::worst_insns
    std::span<const Bytes> packets{};  ///< some runs begin with one of these
    vm::Budget budget{.visited_insns_max = 20'000, .states_max = 5'000, .time_ms_max = 10'000};
};

class Trial {
public:
    /// Programs under trial have these maps.
    explicit Trial(std::vector<vm::MapSpec> maps);

    /// The same for the same seed, but for what bloom filters and orders of elements bring in.
    TrialResult run(const vm::ProgramSpec& program, uint64_t seed, const TrialPlan& plan);
    const std::vector<vm::MapSpec>& maps() const { return specs_; }

private:
    struct Side {
        explicit Side(const std::vector<vm::MapSpec>& specs) : maps(specs), timers(64) {}
        TrialMaps maps;
        TrialFrame frame;
        vm::Timers timers;
    };
    struct Input {
        Bytes packet;
        TrialFrame::Room room;
        uint64_t seed = 0;
    };
    struct Case;

    /// The proof, or the trial's end; fills trial.book.
    static std::expected<vm::Proof, TrialResult> judge(Case& trial, const TrialPlan& plan);
    void refill(uint64_t seed);
    void make_targets();
    void bind_targets(const vm::ProgramSpec& program);
    static Input make_input(Random& random, uint32_t run, const TrialPlan& plan, bool has_frags);
    std::string run_checked(Case& trial, const Input& input, bool watched, TrialEnd& end);
    std::string run_twins(const Case& trial, const Input& input);
    vm::RunEnv environment(Side& side, uint64_t seed) const;

    std::vector<vm::MapSpec> specs_;
    Side checked_, left_, right_;
    /// What tail calls find in the instrumented interpreter, first those that take no fragments.
    std::vector<std::unique_ptr<vm::CheckedProgram>> targets_;
};

}  // namespace weir::tests
