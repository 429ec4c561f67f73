#pragma once
// Whether what a run had at one place lies within one of the verifier's states.

#include <string>

#include "tests/support/state_check.h"
#include "tests/support/trace_needs.h"

namespace weir::tests {

/// What the run had at a place.
struct Moment {
    const StateCheckSetup& setup;
    const RunTrace& trace;
    const TracePlace& place;
    /// The open frames from the outermost on, as indices into trace.frames.
    std::span<const uint32_t> chain;

    const TraceStep& step() const { return trace.steps[place.step]; }
    /// The registers of the frame at `depth` as it will go on with them.
    const TraceStep& registers_of(uint32_t depth) const {
        return depth + 1 == chain.size() ? step()
                                         : trace.steps[trace.frames[chain[depth + 1]].call_step];
    }
};

/// The same functions, called from the same places.
bool same_chain(const vm::verifier::State& state, const Moment& moment);

/// Empty where the state holds it; else what it does not hold.
std::string missed(const vm::verifier::State& state, const Moment& moment);

}  // namespace weir::tests
