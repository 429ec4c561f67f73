#pragma once
// What all workers counted, as one account in which every packet is in exactly one place.
//
// Each worker's state is consistent in itself (counters.h), but workers are read one after the
// other, and packets change workers meanwhile. Who hands packets over has counted them as handed
// before they can be taken, and who takes them counts them as received. So of a port
//   rx = what workers received + what was handed over and not yet taken,
// where the second is not less than 0: if the taker was read later than the giver, what it took
// since then is received already, and its giver's count is out of date. Both sums only ever grow,
// so that rx does too, in whatever order the workers are read.
//
// By a cpumap a packet can be taken before its giver has published that it was received and handed
// over. What was taken beyond what is seen handed over was received, too.

#include <cstdint>
#include <vector>

#include "dataplane/counters.h"

namespace weir::dataplane {

/// A source of a worker's packets, as Counters::queue numbers them.
struct QueueOrigin {
    uint32_t port = 0;
    uint16_t queue = 0;
    bool from_worker = false;  ///< handed over by worker `from`
    uint32_t from = 0;
};

/// Readable by any thread while workers count.
class Accounts {
public:
    /// A worker, whose counters outlive this, and its sources.
    struct Worker {
        const Counters* counters = nullptr;
        std::vector<QueueOrigin> origins;
    };
    Accounts(std::vector<Worker> workers, uint32_t port_count)
        : workers_(std::move(workers)), port_count_(port_count) {}

    struct Reading {
        std::vector<Counters::State> workers;
        std::vector<PortCounts> ports;
        PortCounts total;
    };
    Reading read() const;
    const std::vector<QueueOrigin>& origins(uint32_t worker) const {
        return workers_[worker].origins;
    }

private:
    std::vector<Worker> workers_;
    uint32_t port_count_;
};

/// Adds `part` to `sum`, count by count.
void add(PortCounts& sum, const PortCounts& part);

}  // namespace weir::dataplane
