#include "dataplane/rx_metadata.h"

#include <rte_byteorder.h>
#include <rte_mbuf_dyn.h>

#include <atomic>
#include <mutex>

#include "tests/unit/dataplane/redirects_fixture.h"

namespace weir::dataplane {
namespace {

using namespace testing;

TEST(RxMetadata, SaysWhatTheDeviceSaidAndNoMore) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        ASSERT_TRUE(forwarding);
        int offset = -1;
        uint64_t flag = 0;
        rte_mbuf packet{};
        const vm::PacketMetadata nothing = RxMetadata().of(packet);
        EXPECT_FALSE(nothing.has_hash || nothing.has_timestamp || nothing.has_vlan_tag);
        ASSERT_EQ(rte_mbuf_dyn_rx_timestamp_register(&offset, &flag), 0);
        const RxMetadata reader;
        packet.ol_flags = RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_VLAN | flag;
        packet.hash.rss = 0xdeadbeef;
        packet.packet_type = RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_UDP;
        packet.vlan_tci = 0x2064;
        *RTE_MBUF_DYNFIELD(&packet, offset, rte_mbuf_timestamp_t*) = 1'234'567'890'123;
        const vm::PacketMetadata all = reader.of(packet);
        EXPECT_TRUE(all.has_hash && all.has_timestamp && all.has_vlan_tag);
        EXPECT_EQ(all.hash, 0xdeadbeef);
        EXPECT_EQ(all.hash_type, 1u << 1 | 1u << 3 | 1u << 5);
        EXPECT_EQ(all.timestamp_ns, 1'234'567'890'123u);
        EXPECT_EQ(all.vlan_tci, 0x2064);
        EXPECT_EQ(all.vlan_protocol_be16, rte_cpu_to_be_16(0x8100));
        packet.ol_flags = flag;
        const vm::PacketMetadata time_alone = reader.of(packet);
        EXPECT_FALSE(time_alone.has_hash || time_alone.has_vlan_tag);
    });
}

/// In the chain, in an egress chain, and not where no program asks.
TEST(RxMetadata, ReachesThePrograms) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}}), dir);
        ASSERT_TRUE(forwarding);
        rte_ring* const ring = rte_ring_lookup("ETH_RXTX0_net_ring0");
        rte_mempool* const pool = rte_mempool_lookup("weir_packets");
        ASSERT_TRUE(ring != nullptr && pool != nullptr);
        std::mutex mutex;
        std::vector<vm::PacketMetadata> seen;
        std::vector<Frame> frames;
        const auto look = [&](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            const std::lock_guard<std::mutex> lock(mutex);
            if (context.metadata != nullptr) seen.push_back(*context.metadata);
            frames.emplace_back(context.data, context.data_end);
            return vm::XDP_PASS;
        };
        ChainEntry asks = entry(0, look);
        asks.reads_metadata = true;
        ASSERT_TRUE(forwarding->publish(generation(
            1, {{.ingress = {asks}, .egress = {}}, {.ingress = {}, .egress = {entry(1, look)}}})));
        rte_mbuf* const packet = rte_pktmbuf_alloc(pool);
        ASSERT_NE(packet, nullptr);
        std::memset(rte_pktmbuf_append(packet, 64), 0, 64);
        packet->ol_flags =
            RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
        packet->hash.rss = 77;
        packet->vlan_tci = 5;
        ASSERT_EQ(rte_ring_enqueue(ring, packet), 0);
        ASSERT_TRUE(eventually([&] { return forwarding->read_stats().ports.at("p1").tx == 1; }));
        ASSERT_EQ(seen.size(), 2u);
        for (const vm::PacketMetadata& metadata : seen) {
            EXPECT_TRUE(metadata.has_hash && metadata.has_vlan_tag && !metadata.has_timestamp);
            EXPECT_EQ(metadata.hash, 77u);
            EXPECT_EQ(metadata.vlan_tci, 5u);
        }
        ASSERT_EQ(frames[0].size(), 68u);  // the tag is in the bytes, too
        EXPECT_EQ(frames[0][12], 0x81);
    });
}

/// Not in the programs of maps' entries, where it would be an earlier packet's unless a chain asks.
TEST(RxMetadata, IsNotForProgramsOfEntries) {
    in_child([] {
        const auto map = make_devmap(1);
        std::atomic<uint32_t> with = 0, without = 0, behind = 0;
        const LambdaProgram look([&](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            ++(context.metadata != nullptr ? with : without);
            return vm::XDP_PASS;
        });
        const BoundProgram bound(look, 7);
        set(*map, 0, 2, &bound);
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}, {"net_null1,no-rx=1", ""}}), dir);
        ASSERT_TRUE(forwarding);
        ChainEntry asks = entry(
            0, [&](vm::XdpContext&, vm::RunEnv& env) -> uint32_t { return by_map(env, *map, 0); });
        asks.reads_metadata = true;
        const ChainEntry last = entry(1, [&](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            behind += context.metadata != nullptr;
            return vm::XDP_PASS;
        });
        ASSERT_TRUE(forwarding->publish(
            generation(1, {{.ingress = {asks}, .egress = {}}, {.ingress = {}, .egress = {last}}})));
        RingInput input("net_ring0");
        for (uint32_t number = 0; number < 3; ++number) input.put_patiently(numbered(number));
        EXPECT_EQ(settled(*forwarding, 3).ports.at("p1").tx, 3u);
        EXPECT_EQ(with, 0u);
        EXPECT_EQ(without, 3u);
        EXPECT_EQ(behind, 3u);
    });
}

}  // namespace
}  // namespace weir::dataplane
