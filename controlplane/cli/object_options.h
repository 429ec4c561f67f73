#pragma once
// The part that all verbs with an object file share: its options, loading it, choosing a program.

#include <memory>
#include <optional>

#include "controlplane/cli/options.h"
#include "jit/jit.h"
#include "vm/elf/elf.h"
#include "vm/program/verified.h"
#include "vm/verifier/verifier.h"

namespace weir::controlplane::cli {

class OfflineSet;

constexpr uint32_t kAssumedEntriesMax = 64;  ///< of a map that says max_entries 0, in offline verbs

/// Adds OBJ, --prog, --type, --map, --global, --btf, --kconfig.
void add_object_options(Options& options);

/// False where OBJ can only be the name of a program of the running node: there is no such file,
/// and it does not look like one.
bool names_object(const Parsed& parsed);

/// Loads OBJ; the loader's notices go to stderr.
Result<vm::ObjectSpec> load_object_of(const Parsed& parsed);

/// --prog, or the only program; else an error that lists them.
Result<vm::ProgramSpec> pick_program(const vm::ObjectSpec& object, const Parsed& parsed);

/// --engine; nullopt: not said.
Result<std::optional<jit::Engine>> engine_of(const Parsed& parsed);
/// --burst, as the dataplane's unless said.
Result<uint32_t> burst_of(const Parsed& parsed);

/// "rule: message (insn 7, file.c:12: text)".
std::string to_string(const vm::Rejection& rejection);

/// Adds --pcap-in, --map-fill, --engine, --burst, and those of add_jit_options.
void add_bench_options(Options& options);
/// Adds --jit-harden, --jit-symbols.
void add_jit_options(Options& options);
/// What they say.
Result<jit::CompileOptions> compile_options_of(const Parsed& parsed);

/// Reads what add_object_options, add_bench_options and add_jit_options added, and --unverified and
/// --config where a verb has them. kRejected when the verifier refuses.
Result<std::unique_ptr<OfflineSet>> make_offline(const Parsed& parsed);

/// verify and accept; kRejected with the reason.
Result<std::shared_ptr<const vm::VerifiedProgram>> prove(const vm::ProgramSpec& spec);

}  // namespace weir::controlplane::cli
