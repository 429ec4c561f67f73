#pragma once
// A device to send to that soon takes no more. Needs a started EAL and Weir's packet memory.

#include <gtest/gtest.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include <cstdint>

#include "dataplane/transmit.h"

namespace weir::dataplane::testing {

constexpr uint32_t kFullDevicePackets = 7;  ///< that it takes

/// A device that nobody empties.
inline uint16_t start_full_device() {
    rte_ring* ring = rte_ring_create("full", kFullDevicePackets + 1, SOCKET_ID_ANY,
                                     RING_F_SP_ENQ | RING_F_SC_DEQ);
    const int port = rte_eth_from_rings("net_ring_full", &ring, 1, &ring, 1, 0);
    EXPECT_GE(port, 0);
    const auto id = static_cast<uint16_t>(port);
    const rte_eth_conf conf{};
    EXPECT_EQ(rte_eth_dev_configure(id, 1, 1, &conf), 0);
    EXPECT_EQ(rte_eth_rx_queue_setup(id, 0, 64, 0, nullptr, rte_mempool_lookup("weir_packets")), 0);
    EXPECT_EQ(rte_eth_tx_queue_setup(id, 0, 64, 0, nullptr), 0);
    EXPECT_EQ(rte_eth_dev_start(id), 0);
    return id;
}

inline rte_mbuf* packet_of(uint16_t bytes) {
    rte_mbuf* packet = rte_pktmbuf_alloc(rte_mempool_lookup("weir_packets"));
    EXPECT_NE(packet, nullptr);
    rte_pktmbuf_append(packet, bytes);
    return packet;
}

}  // namespace weir::dataplane::testing
