#pragma once
// Why a loop ends: some value moves in one direction in every round, without wrapping around, and
// within bounds.

#include "vm/verifier/prune.h"

namespace weir::vm::verifier {

/// The path is back at the head of a loop. Keeps of the head's ranks those that this round bears
/// out; false if none is left.
bool moves_on(StoredState& head, const State& now);
/// Of the number that a rank is about; Dependencies::kNone where it is none.
uint32_t node_of(const Rank& rank, const State& state);
/// Rounds that the ranks allow; at least 1.
uint64_t rounds_max(const StoredState& head);

}  // namespace weir::vm::verifier
