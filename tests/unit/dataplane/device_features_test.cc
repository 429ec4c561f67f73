#include "dataplane/device_features.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::dataplane {
namespace {

PortRequest request(const std::string& device) {
    PortRequest made;
    made.device = *parse_device(device);
    made.config.device = device;
    made.config.queues = 0;
    return made;
}

/// A physical device of the usual kind.
DeviceFacts nic() {
    DeviceFacts facts;
    facts.driver = "net_ice";
    facts.info.max_rx_queues = 64;
    facts.info.max_tx_queues = 64;
    facts.info.min_mtu = 68;
    facts.info.max_mtu = 9702;
    facts.info.hash_key_size = 52;
    facts.info.flow_type_rss_offloads =
        RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV4_TCP;
    facts.info.rx_offload_capa =
        RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_RSS_HASH;
    facts.info.tx_offload_capa = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    facts.info.rx_desc_lim = {.nb_max = 4096, .nb_min = 64, .nb_align = 32};
    facts.info.tx_desc_lim = {.nb_max = 512, .nb_min = 64, .nb_align = 32};
    facts.event_flags = RTE_ETH_DEV_INTR_LSC;
    return facts;
}

DeviceFacts with_queues(uint16_t rx, uint16_t tx) {
    DeviceFacts facts;
    facts.info.max_rx_queues = rx;
    facts.info.max_tx_queues = tx;
    return facts;
}

DeviceWish wish(uint16_t queues) {
    return {.queues = {queues, queues},
            .mtu = 1500,
            .frame_bytes_max = 1522,
            .buffer_bytes_max = 2048,
            .is_only_pool = true};
}

bool has(const std::vector<std::string>& features, const std::string& word) {
    return std::ranges::find(features, word) != features.end();
}

TEST(DeviceFeatures, GivesEachWorkerAQueueWhereTheDeviceSpreadsFlows) {
    const Result<PortQueues> queues = choose_queues(nic(), request("0000:3b:00.0"), 4);
    ASSERT_TRUE(queues);
    EXPECT_EQ(queues->rx, 4);
    EXPECT_EQ(queues->tx, 4);
    EXPECT_EQ(choose_queues(nic(), request("0000:3b:00.0"), 100)->rx, 64);
    DeviceFacts without_rss = nic();
    without_rss.info.flow_type_rss_offloads = 0;
    EXPECT_EQ(choose_queues(without_rss, request("0000:3b:00.0"), 4)->rx, 1);
    EXPECT_EQ(choose_queues(without_rss, request("0000:3b:00.0"), 4)->tx, 4);
}

TEST(DeviceFeatures, PollsEveryQueueThatADriverFills) {
    const auto rx = [](const char* device, uint16_t offered) {
        return choose_queues(with_queues(offered, offered), request(device), 2)->rx;
    };
    EXPECT_EQ(rx("net_af_packet0,iface=x,qpairs=3", 3), 3);
    EXPECT_EQ(rx("net_af_xdp0,iface=x,queue_count=4", 4), 4);
    EXPECT_EQ(rx("net_pcap0,rx_pcap=a,rx_pcap=b,rx_pcap=c", 3), 3);
    EXPECT_EQ(rx("net_memif0", 256), 1);
    EXPECT_EQ(rx("net_ring0", 16), 1);
    EXPECT_EQ(rx("net_null0", 1024), 2);
    PortRequest fewer = request("net_af_packet0,iface=x,qpairs=3");
    fewer.config.queues = 2;
    const auto refused = choose_queues(with_queues(3, 3), fewer, 2);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("queues: 2, but device"), std::string::npos);
    fewer.config.queues = 4;
    EXPECT_NE(choose_queues(with_queues(3, 3), fewer, 2).error().message.find(" has 3"),
              std::string::npos);
}

TEST(DeviceFeatures, SendsByNoQueueThatTheOtherEndMayNotRead) {
    EXPECT_EQ(choose_queues(with_queues(256, 256), request("net_memif0"), 4)->tx, 1);
    EXPECT_EQ(choose_queues(with_queues(1024, 1024), request("net_null0"), 4)->tx, 4);
    EXPECT_EQ(choose_queues(with_queues(1, 2), request("net_pcap0,tx_pcap=a,tx_pcap=b"), 4)->tx, 2);
    PortRequest tap = request("net_tap0");
    tap.config.queues = 4;  // more than workers: the driver takes pairs only
    EXPECT_EQ(choose_queues(with_queues(16, 16), tap, 2)->tx, 4);
}

TEST(DeviceFeatures, HashesByAddressesWithASymmetricKey) {
    const Result<DeviceSettings> settings =
        choose_settings(nic(), request("0000:3b:00.0"), wish(4));
    ASSERT_TRUE(settings);
    const rte_eth_conf& used = settings->configuration;
    EXPECT_EQ(used.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
    const rte_eth_rss_conf& rss = used.rx_adv_conf.rss_conf;
    EXPECT_EQ(rss.rss_hf, RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6);
    ASSERT_EQ(rss.rss_key_len, 52);
    for (size_t i = 0; i < rss.rss_key_len; ++i) EXPECT_EQ(rss.rss_key[i], i % 2 ? 0x5a : 0x6d);
    EXPECT_EQ(used.txmode.offloads, RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE);
    EXPECT_EQ(used.rxmode.offloads, RTE_ETH_RX_OFFLOAD_RSS_HASH);
    EXPECT_EQ(used.intr_conf.lsc, 1);
    EXPECT_EQ(used.intr_conf.rmv, 0);
    const auto features = name_features(nic(), request("0000:3b:00.0"), wish(4), *settings);
    for (const char* feature :
         {"rx-queues: 4 of 64", "rss: ipv4 ipv6, symmetric", "rx-vlan kept in bytes",
          "tx-fast-free", "link: interrupt", "descriptors: 1024 rx, 512 tx"})
        EXPECT_TRUE(has(features, feature)) << feature;
    EXPECT_FALSE(has(features, "rx-scatter"));
}

TEST(DeviceFeatures, TakesPortsIntoTheHashWhereAddressesAloneAreNotOffered) {
    DeviceFacts facts = nic();
    facts.info.flow_type_rss_offloads = RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP;
    const auto settings = choose_settings(facts, request("0000:3b:00.0"), wish(2));
    EXPECT_EQ(settings->configuration.rx_adv_conf.rss_conf.rss_hf,
              RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP);
    const auto features = name_features(facts, request("0000:3b:00.0"), wish(2), *settings);
    EXPECT_TRUE(has(features, "rss: ipv4 tcp, symmetric"));
}

TEST(DeviceFeatures, ScattersFramesThatNoBufferHoldsWhereTheDeviceCan) {
    DeviceWish jumbo = wish(1);
    jumbo.mtu = 9600;
    jumbo.frame_bytes_max = 9622;
    const auto settings = choose_settings(nic(), request("0000:3b:00.0"), jumbo);
    ASSERT_TRUE(settings);
    EXPECT_NE(settings->configuration.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER, 0u);
    EXPECT_NE(settings->configuration.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS, 0u);
    EXPECT_EQ(settings->configuration.rxmode.mtu, 9600u);
    DeviceFacts cannot = nic();
    cannot.info.rx_offload_capa = 0;
    EXPECT_NE(choose_settings(cannot, request("0000:3b:00.0"), jumbo)
                  .error()
                  .message.find("mtu: 9600, but a buffer holds frames of 2048 bytes"),
              std::string::npos);
}

TEST(DeviceFeatures, FreesFastOnlyWhereThereIsOnePool) {
    DeviceWish two_pools = wish(1);
    two_pools.is_only_pool = false;
    EXPECT_EQ(
        choose_settings(nic(), request("0000:3b:00.0"), two_pools)->configuration.txmode.offloads,
        0u);
}

TEST(DeviceFeatures, RefusesWhatTheDeviceDoesNotTake) {
    const auto refusal = [](uint16_t mtu, uint16_t descriptors) {
        PortRequest asked = request("0000:3b:00.0");
        asked.config.mtu = mtu;
        asked.config.rx_descriptors = descriptors;
        const auto settings = choose_settings(nic(), asked, wish(1));
        return settings ? "" : settings.error().message;
    };
    EXPECT_EQ(refusal(9703, 0), "mtu: 9703, but the device takes 68 to 9702");
    EXPECT_EQ(refusal(0, 32), "rx_descriptors: 32, but the device takes 64 to 4096 in steps of 32");
    EXPECT_EQ(refusal(0, 100),
              "rx_descriptors: 100, but the device takes 64 to 4096 in steps of 32");
    EXPECT_EQ(refusal(0, 8192),
              "rx_descriptors: 8192, but the device takes 64 to 4096 in steps of 32");
    EXPECT_EQ(refusal(9600, 2048), "");
}

}  // namespace
TEST(DeviceFeatures, HasTheDescriptorsThatAreAskedForOrWhatTheDeviceTakesOfTheUsual) {
    PortRequest asked = request("0000:3b:00.0");
    DeviceFacts facts = nic();
    EXPECT_EQ(choose_descriptors(facts, asked)->rx, 1024);
    facts.info.rx_desc_lim.nb_max = 512;
    facts.info.tx_desc_lim = {.nb_max = 4096, .nb_min = 2048, .nb_align = 32};
    EXPECT_EQ(choose_descriptors(facts, asked)->rx, 512);
    EXPECT_EQ(choose_descriptors(facts, asked)->tx, 2048);
    asked.config.rx_descriptors = 256;
    EXPECT_EQ(choose_descriptors(facts, asked)->rx, 256);
}

}  // namespace weir::dataplane
