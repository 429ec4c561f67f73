#pragma once
// Who gets what: queues of devices, and the rings between workers.

#include <rte_ring.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"
#include "dataplane/flow_hash.h"
#include "dataplane/ports.h"
#include "dataplane/rings.h"
#include "dataplane/worker.h"
#include "vm/base/result.h"

namespace weir::dataplane {

/// What the workers are made of, and what must outlive them.
struct Wiring {
    std::vector<WorkerSetup> setups;  ///< by worker
    std::vector<Ring> rings;
    std::unique_ptr<FragmentedPairs> fragmented;
    std::vector<std::string> warnings;
};

/// Error: no memory for a ring.
Result<Wiring> wire(const Ports& ports, uint32_t workers, api::IdleMode idle);

}  // namespace weir::dataplane
