#include "dataplane/accounts.h"

namespace weir::dataplane {

void add(PortCounts& sum, const PortCounts& part) {
    auto* to = reinterpret_cast<uint64_t*>(&sum);
    const auto* from = reinterpret_cast<const uint64_t*>(&part);
    for (size_t i = 0; i < sizeof(PortCounts) / sizeof(uint64_t); ++i) to[i] += from[i];
}

Accounts::Reading Accounts::read() const {
    Reading reading;
    reading.ports.resize(port_count_);
    std::vector<uint64_t> waiting(port_count_);  // in rings of distributors; modulo 2^64
    // Ascending: hand-overs to the owner of a transmit queue go to lower workers, so that what was
    // taken is always seen as handed over as well.
    for (const Worker& worker : workers_) {
        Counters::State state = worker.counters->read();
        for (uint32_t p = 0; p < port_count_; ++p) add(reading.ports[p], state.ports[p]);
        for (size_t i = 0; i < worker.origins.size(); ++i) {
            const QueueOrigin& origin = worker.origins[i];
            waiting[origin.port] +=
                origin.from_worker ? -state.queues[i].packets : state.queues[i].handed;
        }
        reading.workers.push_back(std::move(state));
    }
    for (uint32_t p = 0; p < port_count_; ++p) {
        if (static_cast<int64_t>(waiting[p]) > 0) {
            reading.ports[p].rx += waiting[p];
            reading.ports[p].in_flight += waiting[p];
        }
        PortCounts& port = reading.ports[p];
        if (static_cast<int64_t>(port.between_workers) < 0) {
            port.rx -= port.between_workers;
            port.between_workers = 0;
        }
        add(reading.total, reading.ports[p]);
    }
    return reading;
}

}  // namespace weir::dataplane
