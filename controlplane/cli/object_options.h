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

/// Loads OBJ; the loader's notices go to stderr.
Result<vm::ObjectSpec> load_object_of(const Parsed& parsed);

/// --prog, or the only program; else an error that lists them.
Result<vm::ProgramSpec> pick_program(const vm::ObjectSpec& object, const Parsed& parsed);

/// --engine; nullopt: not said.
Result<std::optional<jit::Engine>> engine_of(const Parsed& parsed);
/// --burst, 32 unless said.
Result<uint32_t> burst_of(const Parsed& parsed);

/// "rule: message (insn 7, file.c:12: text)".
std::string to_string(const vm::Rejection& rejection);

/// Adds --pcap-in, --map-fill, --engine, --burst.
void add_bench_options(Options& options);

/// Reads what add_object_options and add_bench_options added, and --unverified and --config where a
/// verb has them. kRejected when the verifier refuses.
Result<std::unique_ptr<OfflineSet>> make_offline(const Parsed& parsed);

/// verify and accept; kRejected with the reason.
Result<std::shared_ptr<const vm::VerifiedProgram>> prove(const vm::ProgramSpec& spec);

}  // namespace weir::controlplane::cli
