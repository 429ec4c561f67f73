#pragma once
// Workers and chains as `weir stats -j` shows them.

#include <vector>

#include "controlplane/telemetry/type_json.h"
#include "dataplane/api/messages.h"

namespace weir::controlplane {

/// State, cycles by what they went into, sleeps, latencies, queues; without the packet counters.
Json worker_json(const dataplane::api::WorkerStats& worker);
/// `[{"port","hook":"ingress","packets","verdicts"}]`
Json chains_json(const std::vector<dataplane::api::ChainStats>& chains);

}  // namespace weir::controlplane
