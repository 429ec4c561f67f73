#pragma once
// Which state beyond its own run an instruction reads and writes: what two packets of a burst can
// tell of each other. A run's own are registers, its stack, its context and its packet's bytes.

#include <cstdint>
#include <vector>

#include "jit/compile_input.h"
#include "jit/liveness.h"

namespace weir::jit {

/// A set of things that runs share: bits 2i and 2i + 1 which elements a map has and what is in
/// their values, the upper ones what is no memory.
using SharedSet = uint64_t;

constexpr SharedSet kEverything = ~SharedSet{0};
constexpr SharedSet kWorld = SharedSet{1} << 63;  ///< time and random numbers
/// What RunEnv holds of one run: where its packet goes, what is left of its budgets.
constexpr SharedSet kOutcome = SharedSet{1} << 62;

struct Touch {
    SharedSet reads = 0, writes = 0;

    SharedSet all() const { return reads | writes; }
    Touch& operator|=(const Touch& other) {
        reads |= other.reads;
        writes |= other.writes;
        return *this;
    }
};

/// Of a proven program: one per slot; a local call's has all that its callee touches. What is not
/// known counts as everything. Maps are told apart by what stands behind them, not by their index.
/// Values that the whole program only counts up touch nothing: the order of additions shows
/// nowhere.
std::vector<Touch> find_touches(const CompileInput& input, const Liveness& liveness);

}  // namespace weir::jit
