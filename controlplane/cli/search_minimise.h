#pragma once
// Makes a counterexample small, so that a person sees what matters in it.

#include <chrono>

#include "controlplane/cli/search_breach.h"

namespace weir::controlplane::cli {

/// An input that goes wrong in the same way at the same instruction, with a packet as short and as
/// much of everything left out as a few hundred runs until the deadline find.
SearchInput minimised(SearchBench& bench, const SearchInput& input, const vm::Rejection& rejection,
                      std::chrono::steady_clock::time_point deadline);

}  // namespace weir::controlplane::cli
