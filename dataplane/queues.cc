#include "dataplane/queues.h"

#include "vm/base/check.h"

namespace weir::dataplane {

QueueLayout assign_queues(std::span<const PortQueues> ports, uint32_t workers) {
    WEIR_CHECK(workers > 0);
    QueueLayout layout;
    layout.rx.resize(workers);
    layout.tx.resize(workers);
    uint32_t next = 0;
    for (uint32_t port = 0; port < ports.size(); ++port) {
        for (uint16_t queue = 0; queue < ports[port].rx; ++queue)
            layout.rx[next++ % workers].push_back({port, queue});
        const uint32_t tx_queues = ports[port].tx;
        WEIR_CHECK(tx_queues > 0);
        for (uint32_t worker = 0; worker < workers; ++worker) {
            const uint32_t owner = worker < tx_queues ? worker : worker % tx_queues;
            layout.tx[worker].push_back({.owner = owner, .queue = static_cast<uint16_t>(owner)});
        }
    }
    return layout;
}

}  // namespace weir::dataplane
