#pragma once
// A packet, and what maps hold and calls answer beside it, with which a rejected program does what
// no program may: found by running it in the instrumented interpreter over inputs that are led
// along the path of the rejection (search_*.h).

#include <cstdint>
#include <optional>
#include <string>

#include "vm/base/bytes.h"
#include "vm/program/spec.h"
#include "vm/verifier/verifier.h"

namespace weir::controlplane::cli {

struct SearchBudget {
    uint32_t runs_max = 2'000;
    uint64_t time_ms_max = 500;
};

struct Counterexample {
    Bytes packet;
    uint32_t insn = 0;  ///< what goes wrong there; where it can be, the rejection's
    /// "a 38-byte packet of zeroes reads packet byte 38 at insn 17 (filter.c:42)", one line
    std::string what;
};

struct SearchOutcome {
    std::optional<Counterexample> example;
    std::string why_not;  ///< where there is none
};

/// None found proves nothing. `rejection` is what verify() said of `program`. What is found was
/// replayed from the start, and is as small as a few hundred tries make it.
SearchOutcome find_counterexample(const vm::ProgramSpec& program, const vm::Rejection& rejection,
                                  const SearchBudget& budget = {});

/// "unsafe: a 38-byte packet …", or "not proven: …".
std::string verdict_text(const SearchOutcome& outcome);

}  // namespace weir::controlplane::cli
