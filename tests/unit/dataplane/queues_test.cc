#include "dataplane/queues.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::dataplane {
namespace {

TEST(Queues, EveryReceiveQueueHasOneWorkerAndHandOversGoDownwards) {
    for (uint32_t workers = 1; workers <= 5; ++workers) {
        const std::vector<PortQueues> ports = {{1, 1}, {3, 2}, {2, 8}};
        const QueueLayout layout = assign_queues(ports, workers);
        std::set<std::pair<uint32_t, uint16_t>> served;
        for (const auto& of_worker : layout.rx) {
            for (const RxAssignment& rx : of_worker)
                EXPECT_TRUE(served.emplace(rx.port, rx.queue).second);
        }
        EXPECT_EQ(served.size(), 6u);
        for (uint32_t worker = 0; worker < workers; ++worker) {
            for (uint32_t port = 0; port < ports.size(); ++port) {
                const TxAssignment& tx = layout.tx[worker][port];
                EXPECT_LE(tx.owner, worker);
                EXPECT_LT(tx.queue, ports[port].tx);
                EXPECT_EQ(layout.tx[tx.owner][port].owner, tx.owner) << "an owner sends by itself";
            }
        }
    }
}

TEST(Queues, SpreadsPortsOverWorkers) {
    const std::vector<PortQueues> ports = {{1, 1}, {1, 1}};
    const QueueLayout layout = assign_queues(ports, 2);
    EXPECT_EQ(layout.rx[0].at(0).port, 0u);
    EXPECT_EQ(layout.rx[1].at(0).port, 1u);
}

}  // namespace
}  // namespace weir::dataplane
