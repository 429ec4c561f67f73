#pragma once
// "Concrete in abstract": at every instruction of a run, what its registers and stack hold must lie
// within a state that the verifier assumed at this instruction, as far as the run reads it later.
//
// A number may lie outside of every state where it does not matter to safety, since verifiers end a
// path at a state that differs from it in such numbers: where it flows into no address, no size,
// and no branch that was decided in every state there. All else must fit.

#include <optional>
#include <span>
#include <string>

#include "tests/support/run_trace.h"
#include "tests/support/state_book.h"

namespace weir::tests {

/// What the run was made with.
struct StateCheckSetup {
    const vm::ProgramSpec& program;
    const std::vector<vm::DecodedSlot>& code;
    std::span<vm::Map* const> maps;
    uint64_t context = 0;  ///< its address
};

/// The first instruction, from the end on, at which no state holds what the run had: which one,
/// and what each of some states missed; or nullopt.
std::optional<std::string> outside_of_states(const StateCheckSetup& setup, const StateBook& book,
                                             const RunTrace& trace);

}  // namespace weir::tests
