#pragma once
// For tests: the states that the verifier's walk assumes, as it goes. A concrete run of an accepted
// program must lie within them, instruction by instruction (tests/support/state_check.h).

#include <cstdint>
#include <expected>

#include "vm/verifier/verifier.h"

namespace weir::vm::verifier {

struct State;

/// Sees every state that the walk assumes at an instruction, before the instruction.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void at(uint32_t pc, const State& state) = 0;
    /// States seen since the observer had seen `kept` of them are void: a speculation was rolled
    /// back.
    virtual void forget(uint64_t kept) = 0;
};

/// As verify().
std::expected<Proof, Rejection> verify_observed(const ProgramSpec& program, const Budget& budget,
                                                Observer& observer);

}  // namespace weir::vm::verifier
