#pragma once
// ProgramLoad -> LoadedProgram: maps checked against what the program says of them, proven by the
// prover, compiled.

#include <memory>

#include "dataplane/prover.h"
#include "dataplane/registry.h"

namespace weir::dataplane {

/// Errors of the prover are kRejected and fill in `rejection`. Without a back end for this machine
/// the interpreter runs the program. The result is not in the registry yet.
Result<std::shared_ptr<LoadedProgram>> load_program(const api::ProgramLoad& request,
                                                    Registry& registry, Prover& prover,
                                                    std::optional<vm::Rejection>& rejection);

/// What `spec` says of a map, against the map that stands behind it; the verifier believes the
/// former.
Result<void> check_map(const vm::MapSpec& spec, const LoadedMap& map);

}  // namespace weir::dataplane
