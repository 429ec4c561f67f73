#include "dataplane/transmit.h"

#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/full_device.h"

namespace weir::dataplane::testing {
namespace {

constexpr uint16_t kBytes = 60;
constexpr uint32_t kPackets = 64;

/// What the device has no room for waits in the buffer, in order and counted once.
TEST(Transmit, KeepsWhatTheDeviceDoesNotTakeOfABurst) {
    in_child([] {
        const RunDir dir;
        const auto node = start(configure({{"net_ring0", ""}}), dir);  // starts DPDK
        ASSERT_TRUE(node);
        Counters counters(1, 1);
        Transmitter transmitter(counters,
                                {{.port_id = start_full_device(), .frame_bytes_max = kBytes}}, {});
        rte_mbuf* packets[kPackets];
        for (rte_mbuf*& packet : packets) packet = packet_of(kBytes);
        transmitter.send_burst(0, packets, kBytes * kPackets, kBytes);
        const PortCounts& counts = counters.port(0);
        EXPECT_EQ(counts.tx, 0u);
        transmitter.flush_devices();
        EXPECT_EQ(counts.tx, kFullDevicePackets);
        EXPECT_EQ(counts.tx_bytes, kFullDevicePackets * kBytes);
        EXPECT_EQ(counts.in_flight, kPackets - kFullDevicePackets);
        rte_ring* const ring = rte_ring_lookup("full");
        void* left = nullptr;
        for (uint32_t i = 0; i < kFullDevicePackets; ++i) {
            ASSERT_EQ(rte_ring_dequeue(ring, &left), 0);
            EXPECT_EQ(left, packets[i]) << i;
            rte_pktmbuf_free(packets[i]);
        }
        transmitter.flush_devices();  // there is room again
        EXPECT_EQ(counts.tx, 2 * kFullDevicePackets);
        ASSERT_EQ(rte_ring_dequeue(ring, &left), 0);
        EXPECT_EQ(left, packets[kFullDevicePackets]);
        rte_pktmbuf_free(packets[kFullDevicePackets]);
        transmitter.drain();
        EXPECT_EQ(counts.in_flight, 0u);
        EXPECT_EQ(counts.tx_bytes, counts.tx * kBytes);
        uint64_t drops = 0;
        for (const uint64_t of_reason : counts.drops) drops += of_reason;
        EXPECT_EQ(counts.tx + drops, kPackets);
    });
}

}  // namespace
}  // namespace weir::dataplane::testing
