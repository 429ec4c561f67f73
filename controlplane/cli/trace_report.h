#pragma once
// A traced packet for people and for programs: the way through the chains, what the maps said, the
// verdict, and where that led.

#include <string>

#include "controlplane/cli/trace_events.h"

namespace weir::controlplane::cli {

/// Lines, with a newline at the end. Branches of one source line stand together and loops count
/// their rounds; `every_insn` shows each instruction with its result instead.
std::string trace_text(const TracedStory& story, bool every_insn);

/// Everything, nothing folded; `every_insn` adds "steps".
Json trace_json(const TracedStory& story, bool every_insn);

}  // namespace weir::controlplane::cli
