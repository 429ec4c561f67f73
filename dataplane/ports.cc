#include "dataplane/ports.h"

#include <fmt/format.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cctype>

#include "dataplane/distributor.h"
#include "dataplane/eal_log.h"
#include "dataplane/interface.h"
#include "dataplane/pool.h"
#include "dataplane/transmit.h"

namespace weir::dataplane {
namespace {

constexpr uint16_t kRxDescriptors = 1024;
constexpr uint16_t kTxDescriptors = 1024;
constexpr uint32_t kFillRingPackets =
    2048;  ///< what net_af_xdp takes for its fill ring, whatever it is asked for
constexpr uint32_t kCachePerWorker = 512;  ///< a mempool cache may hold 1.5 times its size
constexpr uint32_t kPoolPacketsMin = 4096;
constexpr uint32_t kFrameExtraBytes = RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN;
constexpr uint32_t kFrameRoomMin = 2048;

Error device_error(const Ports::Port& port, const char* what, int error, size_t log_mark) {
    std::string cause = EalLog::install().cause_since(log_mark);
    if (cause.empty()) cause = rte_strerror(error < 0 ? -error : error);
    return Error{ErrorKind::kResource,
                 fmt::format("ports.{}: device '{}' {}: {}", port.request.config.name,
                             port.request.device.text, what, cause)};
}

/// A hint where another program holds the interface.
void add_holder(Error& error, const Device& device) {
    if (device.driver != "net_af_xdp") return;
    const Result<Interface> interface = read_interface(device.interface());
    if (!interface || interface->xdp_program_id == 0) return;
    error.message += fmt::format(
        "; XDP program {} is attached to {}: in use by another dataplane? `ip link set dev {} xdp "
        "off` "
        "takes away a left-over",
        interface->xdp_program_id, interface->name, interface->name);
}

bool has_device_rings(const Device& device) {
    return device.driver != "net_null" && device.driver != "net_pcap" &&
           device.driver != "net_ring";
}

/// Packets in rings from and to the host.
uint32_t packets_of_host(const Ports::Port& port, uint32_t workers) {
    return port.request.config.pass == api::PassKind::Kernel ? kHostRingPackets * (workers + 1) : 0;
}

/// Packets that a port's queues may hold at one time.
uint32_t packets_held(const Ports::Port& port) {
    if (port.request.device.driver == "net_ring") return kRxDescriptors * port.queues.tx;
    if (!has_device_rings(port.request.device)) return 0;
    const uint32_t rx_descriptors =
        std::max<uint32_t>(port.request.config.rx_descriptors, kRxDescriptors);
    const uint32_t fill = port.request.device.driver == "net_af_xdp" ? kFillRingPackets : 0;
    return port.queues.rx * (rx_descriptors + fill) + port.queues.tx * kTxDescriptors;
}

/// Packets that wait in rings for the workers which they belong to.
uint32_t packets_shared_out(const Ports::Port& port, uint32_t workers) {
    return port.queues.distributed ? port.queues.rx * (workers - 1) * kDistributorPackets : 0;
}

std::string mac_text(const rte_ether_addr& mac) {
    std::string text(RTE_ETHER_ADDR_FMT_SIZE, '\0');
    rte_ether_format_addr(text.data(), RTE_ETHER_ADDR_FMT_SIZE, &mac);
    text.resize(RTE_ETHER_ADDR_FMT_SIZE - 1);
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

/// The MTU to work with: the config's, the interface's, the device's; captures hold frames of any
/// length.
uint16_t choose_mtu(const Ports::Port& port, uint16_t device_mtu) {
    if (port.request.config.mtu != 0) return port.request.config.mtu;
    if (port.request.device.driver == "net_pcap") return kFrameBytesMax - kFrameExtraBytes;
    const Result<Interface> interface = read_interface(port.request.device.interface());
    if (interface && interface->mtu != 0)
        return static_cast<uint16_t>(std::min<uint32_t>(interface->mtu, UINT16_MAX));
    return device_mtu;
}

void warn_of_interface(const PortRequest& request, std::vector<std::string>& warnings) {
    const Result<Interface> interface = read_interface(request.device.interface());
    if (!interface || interface->is_up) return;
    warnings.push_back(fmt::format("port {}: interface {} is down; `ip link set dev {} up`",
                                   request.config.name, interface->name, interface->name));
}

}  // namespace

/// Before the device is there: its end, early or not, detaches whatever program it finds.
Result<void> Ports::guard(const PortRequest& request) {
    const Device& device = request.device;
    if (device.driver != "net_af_xdp" || device.argument("xdp_prog")) return {};
    const std::string name = device.interface();
    const auto guards = [&](const auto& guard) { return guard->interface() == name; };
    if (std::any_of(guards_.begin(), guards_.end(), guards)) return {};
    const Result<Interface> interface = read_interface(name);
    if (!interface) return fail_in("ports." + request.config.name, interface.error());
    Result<std::unique_ptr<XdpGuard>> guard = XdpGuard::attach(*interface);
    if (!guard) {
        return fail_in(fmt::format("ports.{}: device '{}'", request.config.name, device.text),
                       guard.error());
    }
    guards_.push_back(std::move(*guard));
    return {};
}

Result<void> Ports::probe(PortRequest request, uint32_t workers) {
    const size_t mark = EalLog::install().mark();
    Port port{.request = std::move(request)};
    const Device& device = port.request.device;
    const int probed = device.is_pci() ? 0 : rte_dev_probe(device.text.c_str());
    if (probed < 0 || rte_eth_dev_get_port_by_name(device.name.c_str(), &port.port_id) != 0) {
        Error error = device_error(port, "cannot be opened", probed < 0 ? probed : -ENODEV, mark);
        add_holder(error, device);
        return std::unexpected(std::move(error));
    }
    rte_eth_dev_info info{};
    const int known = rte_eth_dev_info_get(port.port_id, &info);
    ports_.push_back(port);  // from here on the destructor closes it
    Port& opened = ports_.back();
    if (known != 0)
        return std::unexpected(device_error(opened, "tells nothing of itself", known, mark));
    opened.driver = info.driver_name;
    if (opened.request.config.queues > info.max_rx_queues) {
        return fail(
            ErrorKind::kInvalid,
            fmt::format("ports.{}: queues: {}, but device '{}' has {}", opened.request.config.name,
                        opened.request.config.queues, device.text, info.max_rx_queues));
    }
    opened.queues.rx = opened.request.config.queues;
    opened.queues.distributed =
        opened.request.config.distribution == api::Distribution::Auto && opened.queues.rx < workers;
    const uint32_t tx_offered =
        opened.driver == "net_tap" ? opened.queues.rx : std::max<uint16_t>(info.max_tx_queues, 1);
    opened.queues.tx = static_cast<uint16_t>(std::min(workers, tx_offered));
    uint16_t device_mtu = RTE_ETHER_MTU;
    rte_eth_dev_get_mtu(opened.port_id, &device_mtu);
    opened.mtu = choose_mtu(opened, device_mtu == 0 ? RTE_ETHER_MTU : device_mtu);
    if (opened.mtu + kFrameExtraBytes > kFrameBytesMax + kFrameExtraBytes) {
        return fail(
            ErrorKind::kInvalid,
            fmt::format("ports.{}: device '{}' has MTU {}, at most {} are served; set `mtu`",
                        opened.request.config.name, device.text, opened.mtu, kFrameBytesMax));
    }
    opened.frame_bytes_max = opened.mtu + kFrameExtraBytes;
    return {};
}

Result<void> Ports::make_pool(uint32_t workers, uint64_t memory_bytes) {
    PoolRequest request{.packets = kPoolPacketsMin,
                        .frame_bytes = kFrameRoomMin,
                        .memory_bytes = memory_bytes,
                        .numa_socket = numa_socket()};
    for (const Port& port : ports_) {
        request.packets +=
            packets_held(port) + packets_shared_out(port, workers) +
            packets_of_host(port, workers) +
            workers * (kTxBufferPackets + kHandoverPackets * (port.queues.tx < workers));
        request.frame_bytes = std::max(request.frame_bytes, port.frame_bytes_max);
    }
    request.packets += workers * kCachePerWorker;
    const Result<rte_mempool*> pool = create_pool(request);
    if (!pool) return std::unexpected(pool.error());
    pool_ = *pool;
    return {};
}

Result<void> Ports::start(Port& port) {
    const size_t mark = EalLog::install().mark();
    const auto refuse = [&](const char* what, int error) -> Result<void> {
        Error refusal = device_error(port, what, error, mark);
        add_holder(refusal, port.request.device);
        return std::unexpected(std::move(refusal));
    };
    rte_eth_dev_info info{};
    rte_eth_dev_info_get(port.port_id, &info);
    rte_eth_conf configuration{};
    if (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) {
        configuration.txmode.offloads =
            RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;  // one pool, no references: always allowed here
    }
    if (port.queues.rx > 1 && info.flow_type_rss_offloads != 0) {
        configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        configuration.rx_adv_conf.rss_conf.rss_hf =
            info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
    }
    int error = rte_eth_dev_configure(port.port_id, port.queues.rx, port.queues.tx, &configuration);
    if (error != 0) return refuse("cannot be configured", error);
    uint16_t rx_descriptors = port.request.config.rx_descriptors != 0
                                  ? port.request.config.rx_descriptors
                                  : kRxDescriptors;
    uint16_t tx_descriptors = kTxDescriptors;
    rte_eth_dev_adjust_nb_rx_tx_desc(port.port_id, &rx_descriptors, &tx_descriptors);
    if (port.request.config.mtu != 0) {
        error = rte_eth_dev_set_mtu(port.port_id, port.mtu);
        if (error != 0 && error != -ENOTSUP) return refuse("does not take the mtu", error);
    }
    const auto socket = static_cast<unsigned>(numa_socket());
    for (uint16_t queue = 0; queue < port.queues.rx; ++queue) {
        error = rte_eth_rx_queue_setup(port.port_id, queue, rx_descriptors, socket, nullptr, pool_);
        if (error != 0) return refuse("gives no receive queue", error);
    }
    for (uint16_t queue = 0; queue < port.queues.tx; ++queue) {
        error = rte_eth_tx_queue_setup(port.port_id, queue, tx_descriptors, socket, nullptr);
        if (error != 0) return refuse("gives no transmit queue", error);
    }
    error = rte_eth_dev_start(port.port_id);
    if (error != 0) return refuse("does not start", error);
    port.is_started = true;
    error = port.request.config.promiscuous ? rte_eth_promiscuous_enable(port.port_id)
                                            : rte_eth_promiscuous_disable(port.port_id);
    if (error != 0 && error != -ENOTSUP) {
        warnings_.push_back(fmt::format("port {}: promiscuous mode: {}", port.request.config.name,
                                        rte_strerror(-error)));
    }
    return {};
}

Result<std::unique_ptr<Ports>> Ports::open(std::vector<PortRequest> requests, uint32_t workers,
                                           uint64_t memory_bytes) {
    const StderrCapture capture;  // libbpf and libxdp speak there
    std::unique_ptr<Ports> ports(new Ports);
    ports->ports_.reserve(requests.size());
    for (PortRequest& request : requests) {
        warn_of_interface(request, ports->warnings_);
        if (const Result<void> guarded = ports->guard(request); !guarded)
            return std::unexpected(guarded.error());
        if (const Result<void> probed = ports->probe(std::move(request), workers); !probed)
            return std::unexpected(probed.error());
    }
    if (const Result<void> pool = ports->make_pool(workers, memory_bytes); !pool)
        return std::unexpected(pool.error());
    for (Port& port : ports->ports_) {
        if (const Result<void> started = ports->start(port); !started)
            return std::unexpected(started.error());
    }
    for (const std::unique_ptr<XdpGuard>& guard : ports->guards_) guard->note_service();
    return ports;
}

Ports::~Ports() {
    for (const Port& port : ports_) {
        if (port.is_started) rte_eth_dev_stop(port.port_id);
        rte_eth_dev_close(port.port_id);
    }
    rte_mempool_free(pool_);
}

rte_mempool* Ports::pool_of_port(uint32_t /*index*/) const {
    return pool_;
}

void Ports::add_host_end(uint32_t owner, uint16_t port_id, uint16_t tx_queues) {
    Port end = ports_[owner];
    end.request.device = Device{.text = "host", .name = "host", .driver = "net_ring"};
    end.request.pass_port = owner;
    end.request.config.distribution = api::Distribution::Off;
    end.port_id = port_id;
    end.queues = {.rx = 1, .tx = tx_queues};
    end.driver = "net_ring";
    end.is_started = true;
    ports_.push_back(std::move(end));
}

int Ports::numa_socket() const {
    const int socket = ports_.empty() ? 0 : rte_eth_dev_socket_id(ports_.front().port_id);
    return socket < 0 ? 0 : socket;
}

vm::MacAddress Ports::mac(uint32_t index) const {
    rte_ether_addr address{};
    vm::MacAddress mac{};
    if (rte_eth_macaddr_get(ports_[index].port_id, &address) == 0)
        std::copy(std::begin(address.addr_bytes), std::end(address.addr_bytes), mac.begin());
    return mac;
}

api::PortInfo Ports::info(uint32_t index) const {
    const Port& port = ports_[index];
    api::PortInfo info{.name = port.request.config.name,
                       .device = port.request.device.text,
                       .driver = port.driver,
                       .ifindex = port.request.config.ifindex,
                       .mtu = port.mtu,
                       .queues = port.queues.rx,
                       .distributed = port.queues.distributed};
    rte_eth_link link{};
    if (rte_eth_link_get_nowait(port.port_id, &link) == 0)
        info.link_up = link.link_status == RTE_ETH_LINK_UP;
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

}  // namespace weir::dataplane
