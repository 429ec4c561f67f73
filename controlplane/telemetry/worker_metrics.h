#pragma once
// What a scrape shows of workers, their queues, and chains.

#include "controlplane/telemetry/families.h"
#include "dataplane/api/messages.h"

namespace weir::controlplane {

void add_worker_metrics(Families& families, const dataplane::api::Stats& stats);

}  // namespace weir::controlplane
