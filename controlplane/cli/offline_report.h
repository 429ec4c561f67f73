#pragma once
// What `prog run` says when it is done: one JSON document, or lines for a person.

#include <span>
#include <vector>

#include "controlplane/cli/offline_set.h"
#include "controlplane/cli/pcap_file.h"
#include "controlplane/telemetry/type_json.h"

namespace weir::controlplane::cli {

struct OfflineReport {
    const OfflineSet& set;
    std::span<const OfflineOutcome> outcomes;
    std::span<const CapturedPacket> packets;  ///< as the program left them
    bool unverified = false;
};

/// {"packets":[…],"maps":{"NAME":[["KEYHEX","VALUEHEX"],…]},"events":{"NAME":["HEX",…]}}, and where
/// callbacks of timers were stopped "timer_faults":{"count":1,"first":[{"program","insn",
/// "message"}]}; empties queues, stacks and what holds events.
Json report_json(const OfflineReport& report);
/// The same for people, on stdout: keys and values by their types, programs and maps by their
/// names, long lists cut.
void print_report(const OfflineReport& report);

}  // namespace weir::controlplane::cli
