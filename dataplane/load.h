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
                                                    const jit::CompileOptions& options,
                                                    std::optional<vm::Rejection>& rejection);

/// The same program over other maps of the same definitions, compiled from the proof that it has.
/// It has the handle and the counters of `program`; for Registry::exchange.
Result<std::shared_ptr<LoadedProgram>> bind_again(const LoadedProgram& program,
                                                  std::vector<std::shared_ptr<LoadedMap>> maps);

/// What `spec` says of a map, against the map that stands behind it; the verifier believes the
/// former.
Result<void> check_map(const vm::MapSpec& spec, const LoadedMap& map);

}  // namespace weir::dataplane
