#pragma once
// Where the packets of a burst may wait for each other: which part of a program runs ahead for all
// packets, and where it stops. The argument why nobody can tell is in ARCHITECTURE.md.
//
// The program runs in two copies. The first, the advance, takes every packet in turn from the start
// to its first stop, and possibly from stop to stop; the second, the completion, takes every packet
// in turn from where it stopped to its end. Stops are look-ups in big maps, whose memory is
// requested before the packet waits, and instructions that could be told apart from their order.

#include <cstdint>
#include <optional>
#include <vector>

#include "jit/analysis.h"
#include "jit/compile_input.h"
#include "jit/effects.h"

namespace weir::jit {

struct OverlapStop {
    enum class Kind : uint8_t {
        Park,     ///< waits for the completion
        Ask,      ///< a look-up: requests its memory, then waits for the completion
        AskOnly,  ///< a look-up whose map the program only reads: the advance goes on behind it
    };
    uint32_t slot = 0;
    Kind kind = Kind::Park;
    vm::Map* map = nullptr;  ///< of a look-up
    vm::LookupSteps steps;
};

struct OverlapPlan {
    std::vector<OverlapStop> stops;  ///< in the order of their slots
    std::vector<uint8_t> advances;   ///< per slot: 1 if the advance comes here (stops included)
    std::vector<uint8_t>
        completes;               ///< per slot: 1 if the completion does, from where packets park
    std::vector<vm::Map*> maps;  ///< that stops ask for, each once

    const OverlapStop* stop_at(uint32_t slot) const;
};

/// Of the program's own function. nullopt: it comes to no look-up of a big map ahead of the
/// completion.
std::optional<OverlapPlan> plan_overlap(const CompileInput& input, const Liveness& liveness);

/// Maps up to here stay in a core's second-level cache, and look-ups do not wait long enough.
uint64_t overlap_map_bytes();

}  // namespace weir::jit
