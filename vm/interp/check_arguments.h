#pragma once
// A call of a helper or kfunc by a program that nobody verified: every argument against its row in
// helpers.def or kfuncs.def before the call, and what the program has learned by it afterwards.

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <string>

#include "vm/interp/holdings.h"
#include "vm/interp/memory_model.h"
#include "vm/isa/helper_ids.h"
#include "vm/isa/helper_info.h"

namespace weir::vm {

using Allowed = std::expected<void, std::string>;

/// What a run may touch and what it holds.
struct RunState {
    ProgramType type;
    uint64_t context;  ///< address; 0: a timer's run has none
    MemoryModel memory;
    Holdings holdings;
    uint64_t lent_dynptr = 0;  ///< address of the dynptr that a callback was given; 0: none
};

struct CallSite {
    const HelperInfo& info;
    bool is_kfunc = false;
    uint32_t insn = 0;
    std::span<const uint64_t, 5> arguments;  ///< r1..r5
    std::span<const Subprogram> functions;   ///< of the program that calls
    uint16_t initialised = 0;                ///< bit i: ri
    // What the check finds:
    Map* map = nullptr;                ///< the map argument
    const Map* guarded_map = nullptr;  ///< whose lock or timer
    uint32_t dynptr = 0;               ///< number of the dynptr argument
    StackObjectKind dynptr_kind = StackObjectKind::Dynptr;
    uint64_t bytes = 0;  ///< of memory that the call may go over

    bool is(HelperId id) const { return !is_kfunc && info.id == number_of(id); }
    bool is(KfuncId id) const { return is_kfunc && info.id == number_of(id); }
    uint64_t argument(size_t index) const { return arguments[index]; }
};

/// A fault in words, or the call may be done.
Allowed check_call(RunState& run, CallSite& call);
/// After the call: gives what it returned, made or gave back to the run.
Allowed finish_call(RunState& run, const CallSite& call, uint64_t r0);

}  // namespace weir::vm
