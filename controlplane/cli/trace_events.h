#pragma once
// A record as a list of what mattered: branches with the values compared, calls and map accesses by
// the types of keys and values, writes into values.

#include <string>
#include <vector>

#include "controlplane/cli/trace_names.h"
#include "controlplane/telemetry/type_json.h"

namespace weir::controlplane::cli {

struct TraceEvent {
    uint32_t step = 0;
    uint32_t insn = 0;
    uint16_t program = 0;
    bool is_branch = false;
    std::string shape;   ///< the same for what repeats: instruction, and which way a branch went
    std::string place;   ///< "quickstart.bpf.c:117"; empty without line information
    std::string source;  ///< that line
    std::string text;    ///< "packet+14 > packet end (54): no"
    Json json;
};

/// Of the steps [begin, end), in order.
std::vector<TraceEvent> trace_events(const vm::RunRecord& record, const TraceNames& names,
                                     uint32_t begin, uint32_t end);

/// "packet+14", "8", "-22", "value of drops+8".
std::string traced_value_text(const vm::TracedValue& value, const TraceNames& names);

}  // namespace weir::controlplane::cli
