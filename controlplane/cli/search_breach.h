#pragma once
// What one run did that no program may.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "controlplane/cli/search_run.h"
#include "controlplane/cli/search_shadow.h"
#include "vm/verifier/verifier.h"

namespace weir::controlplane::cli {

enum class BreachKind : uint8_t {
    Fault,      ///< the instrumented interpreter stopped it
    Circle,     ///< it comes back to a state that it was in
    Endless,    ///< it takes more steps than can be right
    Unwritten,  ///< it reads stack that nothing wrote
    Leak,       ///< it hands out an address
};

struct Breach {
    BreachKind kind = BreachKind::Fault;
    uint32_t insn = 0;         ///< of Circle: one of the circle
    std::string message;       ///< of Fault: the interpreter's
    int64_t stack_offset = 0;  ///< of Unwritten: from r10
};

/// More steps than any loop over a packet needs.
constexpr uint64_t kEndlessInsns = 1'000'000;

/// The rejection is about a loop that makes no progress towards its end, and the program has no
/// loops that end by themselves after millions of rounds.
bool is_about_the_end(const SearchBench& bench, const vm::Rejection& rejection);

/// One jump of the path to a rejection.
struct Decision {
    uint32_t insn = 0;
    bool taken = false;
};
/// The jumps of rejection.path in `program`, as far as all of them are known.
std::vector<Decision> decisions_of(const vm::ProgramSpec& program, const vm::Rejection& rejection);

/// How far a run went along the decisions.
struct Progress {
    size_t matched = 0;
    std::optional<size_t> deviation;  ///< the branch that went the other way
};
Progress follow(std::span<const Decision> decisions, std::span<const Branch> branches);

/// It is what the rejection speaks of: at its instruction, or a run that does not end, which is so
/// everywhere in its loop.
bool is_at_suspect(const Breach& breach, const vm::Rejection& rejection);

/// What a run of `input` does wrong, if anything. `shadow` followed that run.
std::optional<Breach> breach_of(SearchBench& bench, const SearchInput& input,
                                const vm::Rejection& rejection, const SearchRun& run,
                                const Shadow& shadow);

/// "a 38-byte packet of zeroes with flows empty reads packet byte 38 at insn 17 (filter.c:42)"
std::string breach_text(const SearchBench& bench, const SearchInput& input, const SearchRun& run,
                        const Shadow& shadow, const Breach& breach);

}  // namespace weir::controlplane::cli
