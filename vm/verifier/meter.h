#pragma once
// What a proof may cost, what it has cost, and what ate it.

#include <cstdint>
#include <string>
#include <vector>

#include "vm/verifier/prune.h"
#include "vm/verifier/step.h"
#include "vm/verifier/verifier.h"

namespace weir::vm::verifier {

/// Of this thread, on the processor.
uint64_t processor_ms();

class Meter {
public:
    Meter(const ProgramSpec& program, const Cfg& cfg, const Budget& budget);

    /// Refuses to go on above the budget, or above what the attempt may take.
    Checked check(const StateStore& store, const Dependencies& depend, size_t paths_pending,
                  uint64_t attempt_visited_max);
    void visit(uint32_t pc) {
        ++visited_;
        ++visits_[pc];
    }
    uint64_t visited() const { return visited_; }
    /// The budget itself was not enough.
    bool is_spent() const { return is_spent_; }
    /// How far an attempt may go that begins now.
    uint64_t attempt_visited_max(bool is_loop) const;
    /// An attempt that began there was in vain.
    void waste(uint64_t visited_before) { wasted_ += visited_ - visited_before; }
    /// Guesses where paths meet have not cost too much so far.
    bool may_guess() const;

    uint64_t pending_bytes = 0;  ///< of paths left for later
    uint64_t bytes_peak = 0;
    uint64_t worst_insns = 0;

private:
    Checked over(std::string_view what, uint64_t most, std::string_view unit);
    std::string culprit() const;

    const ProgramSpec& program_;
    const Cfg& cfg_;
    const Budget& budget_;
    uint64_t deadline_ns_;
    std::vector<uint32_t> visits_;
    uint64_t visited_ = 0;
    uint64_t wasted_ = 0;
    bool is_spent_ = false;
};

}  // namespace weir::vm::verifier
