// Ports: a probed device is configured and started; what it says of itself later.

#include <fmt/format.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cctype>

#include "dataplane/eal_log.h"
#include "dataplane/ports.h"

namespace weir::dataplane {
namespace {

std::string mac_text(const rte_ether_addr& mac) {
    std::string text(RTE_ETHER_ADDR_FMT_SIZE, '\0');
    rte_ether_format_addr(text.data(), RTE_ETHER_ADDR_FMT_SIZE, &mac);
    text.resize(RTE_ETHER_ADDR_FMT_SIZE - 1);
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

Error refusal(const Ports::Port& port, const char* what, int error, size_t log_mark) {
    Error refused = device_error(port, what, error, log_mark);
    add_holder(refused, port.request.device);
    return refused;
}

void add_turned_away(const std::string& who, const PacketGuard::Count& count,
                     std::vector<std::string>& warnings) {
    if (count.too_long != 0)
        warnings.push_back(fmt::format(
            "{}: {} frames were turned away, longer than the MTU allows: segmentation is left to "
            "the device; on the host that sends them (the other end of the link): `ethtool -K "
            "INTERFACE tso off gso off`",
            who, count.too_long));
    if (count.service_tagged != 0)
        warnings.push_back(fmt::format(
            "{}: {} frames with an 802.1ad tag were turned away, which net_af_packet would hand on "
            "as 802.1Q; use net_af_xdp on this interface",
            who, count.service_tagged));
}

}  // namespace

Result<void> Ports::set_up_queues(const Port& port, const DeviceSettings& settings) {
    const size_t mark = EalLog::install().mark();
    const auto socket = static_cast<unsigned>(port.numa_socket);
    for (uint16_t queue = 0; queue < port.queues.rx; ++queue) {
        const int error = rte_eth_rx_queue_setup(port.port_id, queue, settings.descriptors.rx,
                                                 socket, nullptr, port.pool);
        if (error != 0)
            return std::unexpected(refusal(port, "gives no receive queue", error, mark));
    }
    for (uint16_t queue = 0; queue < port.queues.tx; ++queue) {
        const int error =
            rte_eth_tx_queue_setup(port.port_id, queue, settings.descriptors.tx, socket, nullptr);
        if (error != 0)
            return std::unexpected(refusal(port, "gives no transmit queue", error, mark));
    }
    return {};
}

/// What a device that cannot do it does anyway is no error: most virtual ones take every frame.
void Ports::set_reception(const Port& port) {
    const api::PortConfig& config = port.request.config;
    const auto set = [&](const char* what, int error) {
        if (error == 0 || error == -ENOTSUP) return;
        warnings_.push_back(
            fmt::format("port {}: {}: {}", config.name, what, rte_strerror(-error)));
    };
    set("promiscuous", config.promiscuous ? rte_eth_promiscuous_enable(port.port_id)
                                          : rte_eth_promiscuous_disable(port.port_id));
    if (config.allmulticast) set("allmulticast", rte_eth_allmulticast_enable(port.port_id));
}

DeviceWish Ports::wish_of(const Port& port) const {
    return {.queues = port.queues,
            .mtu = port.mtu,
            .frame_bytes_max = port.frame_bytes_max,
            .buffer_bytes_max = frame_bytes_of(*port.pool),
            .is_only_pool = pools_.size() == 1};
}

/// In the order of the ports, before the first of them starts.
Result<void> Ports::settle(const Port& port) {
    Result<DeviceSettings> settings =
        choose_settings(facts_[settings_.size()], port.request, wish_of(port));
    if (!settings) return fail_in("ports." + port.request.config.name, settings.error());
    settings_.push_back(std::move(*settings));
    return {};
}

Result<void> Ports::start(Port& port) {
    const size_t mark = EalLog::install().mark();
    const auto index = static_cast<size_t>(&port - ports_.data());
    const DeviceSettings& settings = settings_[index];
    int error = rte_eth_dev_configure(port.port_id, port.queues.rx, port.queues.tx,
                                      &settings.configuration);
    if (error != 0) return std::unexpected(refusal(port, "cannot be configured", error, mark));
    if (port.request.config.mtu != 0) {
        error = rte_eth_dev_set_mtu(port.port_id, port.mtu);
        if (error != 0 && error != -ENOTSUP)
            return std::unexpected(refusal(port, "does not take the mtu", error, mark));
    }
    if (const Result<void> set_up = set_up_queues(port, settings); !set_up) return set_up;
    error = rte_eth_dev_start(port.port_id);
    if (error != 0) return std::unexpected(refusal(port, "does not start", error, mark));
    port.is_started = true;
    set_reception(port);
    port.features = name_features(facts_[index], port.request, wish_of(port), settings);
    port.features.push_back(fmt::format("numa: {}", port.numa_socket));
    if (rte_eth_promiscuous_get(port.port_id) == 1) port.features.emplace_back("promiscuous");
    if (rte_eth_allmulticast_get(port.port_id) == 1) port.features.emplace_back("allmulticast");
    return {};
}

vm::MacAddress Ports::mac(uint32_t index) const {
    rte_ether_addr address{};
    vm::MacAddress mac{};
    if (rte_eth_macaddr_get(ports_[index].port_id, &address) == 0)
        std::copy(std::begin(address.addr_bytes), std::end(address.addr_bytes), mac.begin());
    return mac;
}

api::PortInfo Ports::info(uint32_t index, const PortCounts& counts, const LinkState& link) const {
    const Port& port = ports_[index];
    api::PortInfo info{.name = port.request.config.name,
                       .device = port.request.device.text,
                       .driver = port.driver,
                       .ifindex = port.request.config.ifindex,
                       .mtu = port.mtu,
                       .queues = port.queues.rx,
                       .link_up = link.up,
                       .bad_checksums = counts.checksums_bad,
                       .heads_moved = counts.heads_moved,
                       .link_mbps = link.mbps,
                       .link_downs = link.downs,
                       .removed = link.removed,
                       .distributed = port.queues.distributed,
                       .features = port.features};
    rte_ether_addr mac{};
    if (rte_eth_macaddr_get(port.port_id, &mac) == 0) info.mac = mac_text(mac);
    rte_eth_stats stats{};
    if (rte_eth_stats_get(port.port_id, &stats) == 0) {
        info.imissed = stats.imissed;
        info.rx_nombuf = stats.rx_nombuf;
        info.ierrors = stats.ierrors;
        info.oerrors = stats.oerrors;
    }
    return info;
}

std::vector<std::string> Ports::warnings_of(uint32_t index, const PortCounts& counts) const {
    constexpr uint64_t kFramesToWarn = 4;
    constexpr std::string_view kMend =
        "on the host that sends them (the other end of the link): `ethtool -K INTERFACE tx off`";
    const Port& port = ports_[index];
    const std::string interface = port.request.device.interface();
    const std::string who = fmt::format("port {}{}", port.request.config.name,
                                        interface.empty() ? "" : " (" + interface + ")");
    std::vector<std::string> warnings;
    if (counts.checksums_bad >= kFramesToWarn)
        warnings.push_back(
            fmt::format("{}: {} sampled TCP or UDP frames have a wrong checksum, so "
                        "that receivers will throw them away; {}",
                        who, counts.checksums_bad, kMend));
    if (counts.checksums_completed >= kFramesToWarn)
        warnings.push_back(
            fmt::format("{}: {} TCP or UDP frames came without their checksum, "
                        "which is completed here and takes time; {}",
                        who, counts.checksums_completed, kMend));
    if (port.packet_guard != nullptr) add_turned_away(who, port.packet_guard->count(), warnings);
    return warnings;
}

}  // namespace weir::dataplane
