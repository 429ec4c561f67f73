#include "dataplane/device_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "dataplane/flow_hash.h"
#include "dataplane/text.h"

namespace weir::dataplane {
namespace {

constexpr uint16_t kRxDescriptors = 1024;
constexpr uint16_t kTxDescriptors = 1024;
constexpr size_t kHashKeyBytesMax = 128;

/// Toeplitz hashing with a key that repeats after 16 bits does not change when source and
/// destination change places, so that both directions of a flow meet on one worker (Woo and Park,
/// "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling", 2012). Drivers ask for
/// the length that their device wants: 40 bytes mostly, 52 some.
std::array<uint8_t, kHashKeyBytesMax>& symmetric_key() {
    static std::array<uint8_t, kHashKeyBytesMax> key = [] {
        std::array<uint8_t, kHashKeyBytesMax> made{};
        for (size_t i = 0; i < made.size(); ++i) made[i] = kSymmetricKey[i % 2];
        return made;
    }();
    return key;
}

struct HashType {
    uint64_t bits;
    std::string_view name;
};

/// Addresses only. A fragment behind the first has no ports, so that devices hash every fragment by
/// its addresses; were the other packets of the flow hashed by ports too, they would go to another
/// worker than its fragments and overtake them.
constexpr std::array<HashType, 2> kAddressHashes = {
    {{RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER, "ipv4"},
     {RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER |
          RTE_ETH_RSS_IPV6_EX,
      "ipv6"}}};
/// For devices that have no hash of all of a family (some know flows by their protocol only): there
/// order within a flow holds but between its fragments and the rest.
constexpr std::array<HashType, 4> kPortHashes = {
    {{RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP, "tcp"},
     {RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP, "udp"},
     {RTE_ETH_RSS_NONFRAG_IPV4_SCTP | RTE_ETH_RSS_NONFRAG_IPV6_SCTP, "sctp"},
     {RTE_ETH_RSS_IPV6_TCP_EX | RTE_ETH_RSS_IPV6_UDP_EX, "ipv6-extensions"}}};

uint64_t hash_types(uint64_t offered) {
    uint64_t chosen = 0;
    for (const HashType& type : kAddressHashes) chosen |= offered & type.bits;
    if ((offered & RTE_ETH_RSS_IPV4) != 0 && (offered & RTE_ETH_RSS_IPV6) != 0) return chosen;
    for (const HashType& type : kPortHashes) chosen |= offered & type.bits;
    return chosen;
}

/// Only of physical devices: virtual ones that list hash types do not spread by them.
bool spreads_flows(const DeviceFacts& facts, const PortRequest& request) {
    return request.device.is_pci() && facts.info.max_rx_queues > 1 &&
           hash_types(facts.info.flow_type_rss_offloads) != 0;
}

/// Receive queues that the driver fills without being asked, so that each must be polled. 0: it
/// fills those that are set up.
uint16_t queues_filled(const DeviceFacts& facts, const Device& device) {
    const bool fills = device.driver == "net_af_packet" || device.driver == "net_af_xdp" ||
                       device.driver == "net_pcap";
    return fills ? std::max<uint16_t>(facts.info.max_rx_queues, 1) : 0;
}

uint16_t default_queues(const DeviceFacts& facts, const PortRequest& request, uint32_t workers) {
    const Device& device = request.device;
    if (const uint16_t filled = queues_filled(facts, device); filled != 0) return filled;
    const uint16_t most = std::max<uint16_t>(facts.info.max_rx_queues, 1);
    if (device.driver == "net_virtio_user" && device.argument("queues")) return most;
    if (!spreads_flows(facts, request) && device.driver != "net_null") return 1;
    return static_cast<uint16_t>(std::min<uint32_t>(workers, most));
}

/// Where the other end reads what we send queue by queue, it reads as many as we do.
bool has_queue_pairs(const Device& device) {
    return !device.is_pci() && device.driver != "net_null" && device.driver != "net_pcap";
}

Result<uint16_t> choose_number(const char* key, uint16_t wanted, uint16_t otherwise,
                               const rte_eth_desc_lim& limits) {
    const uint16_t align = std::max<uint16_t>(limits.nb_align, 1);
    const uint16_t most = limits.nb_max == 0 ? UINT16_MAX : limits.nb_max;
    if (wanted != 0 && (wanted < limits.nb_min || wanted > most || wanted % align != 0)) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: {}, but the device takes {} to {} in steps of {}", key, wanted,
                                limits.nb_min, most, align));
    }
    if (wanted != 0) return wanted;
    const uint32_t rounded = (otherwise + align - 1u) / align * align;
    return static_cast<uint16_t>(std::clamp<uint32_t>(rounded, limits.nb_min, most));
}

Result<void> check_mtu(const DeviceFacts& facts, uint16_t mtu) {
    if (mtu >= facts.info.min_mtu && (facts.info.max_mtu == 0 || mtu <= facts.info.max_mtu))
        return {};
    return fail(ErrorKind::kInvalid, fmt::format("mtu: {}, but the device takes {} to {}", mtu,
                                                 facts.info.min_mtu, facts.info.max_mtu));
}

std::string rss_words(const DeviceFacts& facts, const DeviceSettings& settings) {
    const uint64_t used = settings.configuration.rx_adv_conf.rss_conf.rss_hf;
    std::vector<std::string_view> names;
    for (const HashType& type : kAddressHashes)
        if ((used & type.bits) != 0) names.push_back(type.name);
    for (const HashType& type : kPortHashes)
        if ((used & type.bits) != 0) names.push_back(type.name);
    if (!names.empty()) return fmt::format("rss: {}, symmetric", join(names, " "));
    return facts.info.flow_type_rss_offloads == 0 ? "rss: none" : "rss: off";
}

}  // namespace

Result<PortQueues> choose_queues(const DeviceFacts& facts, const PortRequest& request,
                                 uint32_t workers) {
    const Device& device = request.device;
    const uint16_t asked = request.config.queues;
    if (asked > facts.info.max_rx_queues) {
        return fail(ErrorKind::kInvalid, fmt::format("queues: {}, but device '{}' has {}", asked,
                                                     device.text, facts.info.max_rx_queues));
    }
    if (const uint16_t filled = queues_filled(facts, device); asked != 0 && asked < filled) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("queues: {}, but device '{}' fills {}: packets of the others would "
                                "never be read; leave the key out",
                                asked, device.text, filled));
    }
    PortQueues queues;
    queues.rx = asked != 0 ? asked : default_queues(facts, request, workers);
    const uint32_t offered =
        has_queue_pairs(device) ? queues.rx : std::max<uint16_t>(facts.info.max_tx_queues, 1);
    queues.tx = static_cast<uint16_t>(std::min(workers, offered));
    // The driver of TAP takes pairs only.
    if (device.driver == "net_tap") queues.tx = queues.rx;
    queues.distributed =
        request.config.distribution == api::Distribution::Auto && queues.rx < workers;
    return queues;
}

Result<Descriptors> choose_descriptors(const DeviceFacts& facts, const PortRequest& request) {
    const Result<uint16_t> rx = choose_number("rx_descriptors", request.config.rx_descriptors,
                                              kRxDescriptors, facts.info.rx_desc_lim);
    if (!rx) return std::unexpected(rx.error());
    const Result<uint16_t> tx =
        choose_number("tx_descriptors", 0, kTxDescriptors, facts.info.tx_desc_lim);
    if (!tx) return std::unexpected(tx.error());
    return Descriptors{.rx = *rx, .tx = *tx};
}

Result<DeviceSettings> choose_settings(const DeviceFacts& facts, const PortRequest& request,
                                       const DeviceWish& wish) {
    if (request.config.mtu != 0) {
        if (const Result<void> fits = check_mtu(facts, request.config.mtu); !fits)
            return std::unexpected(fits.error());
    }
    const Result<Descriptors> descriptors = choose_descriptors(facts, request);
    if (!descriptors) return std::unexpected(descriptors.error());
    DeviceSettings settings{.configuration = {}, .descriptors = *descriptors};
    rte_eth_conf& configuration = settings.configuration;
    if (request.device.is_pci()) configuration.rxmode.mtu = wish.mtu;
    if (wish.is_only_pool)
        configuration.txmode.offloads |=
            facts.info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
    if (wish.frame_bytes_max > wish.buffer_bytes_max) {
        if (request.device.is_pci() &&
            (facts.info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) == 0) {
            return fail(ErrorKind::kInvalid,
                        fmt::format("mtu: {}, but a buffer holds frames of {} bytes and the device "
                                    "does not spread frames over buffers",
                                    wish.mtu, wish.buffer_bytes_max));
        }
        configuration.rxmode.offloads |= facts.info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
        configuration.txmode.offloads |= facts.info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    }
    if (wish.queues.rx > 1 && spreads_flows(facts, request)) {
        configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        configuration.rxmode.offloads |= facts.info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
        rte_eth_rss_conf& rss = configuration.rx_adv_conf.rss_conf;
        rss.rss_key = symmetric_key().data();
        rss.rss_key_len = facts.info.hash_key_size == 0
                              ? 40
                              : std::min<uint8_t>(facts.info.hash_key_size, kHashKeyBytesMax);
        rss.rss_hf = hash_types(facts.info.flow_type_rss_offloads);
    }
    configuration.intr_conf.lsc = (facts.event_flags & RTE_ETH_DEV_INTR_LSC) != 0;
    configuration.intr_conf.rmv = (facts.event_flags & RTE_ETH_DEV_INTR_RMV) != 0;
    return settings;
}

std::vector<std::string> name_features(const DeviceFacts& facts, const PortRequest& request,
                                       const DeviceWish& wish, const DeviceSettings& settings) {
    const rte_eth_conf& used = settings.configuration;
    const uint64_t rx_offers = facts.info.rx_offload_capa;
    std::vector<std::string> features = {
        fmt::format("rx-queues: {} of {}", wish.queues.rx, facts.info.max_rx_queues),
        fmt::format("tx-queues: {} of {}", wish.queues.tx, facts.info.max_tx_queues),
        fmt::format("descriptors: {} rx, {} tx", settings.descriptors.rx, settings.descriptors.tx),
        rss_words(facts, settings)};
    if (request.device.driver == "net_af_packet")
        features.emplace_back("rx-vlan put back into bytes");
    else if ((rx_offers & RTE_ETH_RX_OFFLOAD_VLAN_STRIP) != 0)
        features.emplace_back("rx-vlan kept in bytes");
    if ((rx_offers & RTE_ETH_RX_OFFLOAD_CHECKSUM) != 0)
        features.emplace_back("rx-checksumming offered, not used");
    if ((used.rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0)
        features.emplace_back("receive-hashing");
    if ((used.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0)
        features.emplace_back("rx-scatter");
    if ((used.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0)
        features.emplace_back("multi-segs");
    if ((used.txmode.offloads & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) != 0)
        features.emplace_back("tx-fast-free");
    features.emplace_back(used.intr_conf.lsc != 0 ? "link: interrupt" : "link: polled");
    if (used.intr_conf.rmv != 0) features.emplace_back("removal: interrupt");
    return features;
}

}  // namespace weir::dataplane
