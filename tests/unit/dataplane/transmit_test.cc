#include "dataplane/transmit.h"

#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/full_device.h"

namespace weir::dataplane::testing {
namespace {

constexpr uint16_t kBytes = 60;

/// Of a whole burst at once what the device has no room for waits in the buffer, counted once.
TEST(Transmit, KeepsWhatTheDeviceDoesNotTakeOfAWholeBurst) {
    in_child([] {
        const RunDir dir;
        const auto node = start(configure({{"net_ring0", ""}}), dir);  // starts DPDK
        ASSERT_TRUE(node);
        Counters counters(1, 1);
        Transmitter transmitter(counters,
                                {{.port_id = start_full_device(), .frame_bytes_max = kBytes}}, {});
        rte_mbuf* packets[kSentAtOncePackets];
        const auto send_whole = [&] {
            for (rte_mbuf*& packet : packets) packet = packet_of(kBytes);
            transmitter.send_burst(0, packets, kBytes * kSentAtOncePackets, kBytes);
        };
        const PortCounts& counts = counters.port(0);
        send_whole();
        EXPECT_EQ(counts.tx, kFullDevicePackets);
        EXPECT_EQ(counts.tx_bytes, kFullDevicePackets * kBytes);
        transmitter.flush_devices();
        EXPECT_EQ(counts.in_flight, kSentAtOncePackets - kFullDevicePackets);
        send_whole();  // behind those that wait
        transmitter.flush_devices();
        EXPECT_EQ(counts.tx, kFullDevicePackets);
        EXPECT_EQ(counts.in_flight, 2 * kSentAtOncePackets - kFullDevicePackets);
        transmitter.drain();
        EXPECT_EQ(counts.in_flight, 0u);
        EXPECT_EQ(counts.tx_bytes, counts.tx * kBytes);
        uint64_t drops = 0;
        for (const uint64_t of_reason : counts.drops) drops += of_reason;
        EXPECT_EQ(counts.tx + drops, 2 * kSentAtOncePackets);
    });
}

}  // namespace
}  // namespace weir::dataplane::testing
