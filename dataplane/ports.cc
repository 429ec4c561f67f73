#include "dataplane/ports.h"

#include <fmt/format.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>

#include "dataplane/api/frame_bytes.h"
#include "dataplane/distributor.h"
#include "dataplane/eal_log.h"
#include "dataplane/inline_interface.h"
#include "dataplane/interface.h"
#include "dataplane/pool.h"
#include "dataplane/transmit.h"

namespace weir::dataplane {
namespace {

constexpr uint32_t kRingDevicePackets = 1024;  ///< that a queue of net_ring holds
constexpr uint32_t kAfXdpObjectBytes = 4096;   ///< of its buffers: at most a page each
constexpr uint32_t kFillRingPackets =
    2048;  ///< what net_af_xdp takes for its fill ring, whatever it is asked for
constexpr uint32_t kCachePerWorker = 512;  ///< a mempool cache may hold 1.5 times its size
constexpr uint32_t kPoolPacketsMin = 4096;
using api::kFrameExtraBytes;
static_assert(kFrameExtraBytes == RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN);
constexpr uint32_t kFrameRoomMin = 2048;

bool has_device_rings(const Device& device) {
    return device.driver != "net_null" && device.driver != "net_pcap" &&
           device.driver != "net_ring";
}

/// Packets that a port's queues may hold at one time.
uint32_t packets_held(const Ports::Port& port) {
    if (port.request.device.driver == "net_ring") return kRingDevicePackets * port.queues.tx;
    if (!has_device_rings(port.request.device)) return 0;
    const uint32_t fill = port.request.device.driver == "net_af_xdp" ? kFillRingPackets : 0;
    const Descriptors& descriptors = port.descriptors;
    return port.queues.rx * (descriptors.rx + fill) + port.queues.tx * descriptors.tx;
}

/// Packets in rings from and to the host.
uint32_t packets_of_host(const Ports::Port& port, uint32_t workers) {
    return port.request.config.pass == api::PassKind::Kernel ? kHostRingPackets * (workers + 1) : 0;
}

/// Packets that wait in rings for the workers which they belong to.
uint32_t packets_shared_out(const Ports::Port& port, uint32_t workers) {
    return port.queues.distributed ? port.queues.rx * (workers - 1) * kDistributorPackets : 0;
}

/// AF_XDP's socket memory is the pool itself, cut into chunks of at most a page.
bool needs_small_buffers(const Ports::Port& port) {
    return port.request.device.driver == "net_af_xdp";
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

/// Longer frames than a chunk holds never arrive at an AF_XDP socket.
Result<void> check_small_buffers(const PortRequest& request, uint32_t mtu) {
    const uint32_t mtu_max = frame_bytes_within(kAfXdpObjectBytes) - kFrameExtraBytes;
    if (mtu <= mtu_max) return {};
    const std::string interface = request.device.interface();
    return fail(ErrorKind::kInvalid,
                fmt::format("ports.{}: interface {} has MTU {}, but net_af_xdp takes up to {}: "
                            "longer frames would be lost; `ip link set dev {} mtu {}`",
                            request.config.name, interface, mtu, mtu_max, interface, mtu_max));
}

/// Frames that are longer than the interface's may be, segments put together by another host's
/// stack, never leave by any port.
Result<std::unique_ptr<PacketGuard>> guard_packets(const Device& device) {
    const Result<Interface> interface = read_interface(device.interface());
    if (!interface) return std::unexpected(interface.error());
    return PacketGuard::attach(interface->name, std::min(af_packet_frame_bytes_max(device),
                                                         interface->mtu + kFrameExtraBytes));
}

void warn_of_interface(const PortRequest& request, std::vector<std::string>& warnings) {
    const Result<Interface> interface = read_interface(request.device.interface());
    if (!interface) return;
    for (const std::string& warning : interface_warnings(request.device, *interface))
        warnings.push_back(fmt::format("port {}: {}", request.config.name, warning));
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
    if (const Result<void> fits = check_small_buffers(request, interface->mtu); !fits) return fits;
    Result<std::unique_ptr<XdpGuard>> guard = XdpGuard::attach(*interface);
    if (!guard) {
        return fail_in(fmt::format("ports.{}: device '{}'", request.config.name, device.text),
                       guard.error());
    }
    guards_.push_back(std::move(*guard));
    return {};
}

Error device_error(const Ports::Port& port, const char* what, int error, size_t log_mark) {
    std::string cause = EalLog::install().cause_since(log_mark);
    if (cause.empty()) cause = rte_strerror(error < 0 ? -error : error);
    return Error{ErrorKind::kResource,
                 fmt::format("ports.{}: device '{}' {}: {}", port.request.config.name,
                             port.request.device.text, what, cause)};
}

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
    DeviceFacts facts;
    const int known = rte_eth_dev_info_get(port.port_id, &facts.info);
    ports_.push_back(port);  // from here on the destructor closes it
    Port& opened = ports_.back();
    if (known != 0)
        return std::unexpected(device_error(opened, "tells nothing of itself", known, mark));
    facts.driver = facts.info.driver_name;
    facts.event_flags = *facts.info.dev_flags;
    opened.driver = facts.driver;
    const Result<PortQueues> queues = choose_queues(facts, opened.request, workers);
    if (!queues) return fail_in("ports." + opened.request.config.name, queues.error());
    opened.queues = *queues;
    const Result<Descriptors> descriptors = choose_descriptors(facts, opened.request);
    if (!descriptors) return fail_in("ports." + opened.request.config.name, descriptors.error());
    opened.descriptors = *descriptors;
    opened.numa_socket = std::max(rte_eth_dev_socket_id(opened.port_id), 0);
    facts_.push_back(std::move(facts));
    if (opened.request.device.driver == "net_af_packet") {
        Result<std::unique_ptr<PacketGuard>> guard = guard_packets(opened.request.device);
        if (!guard) return fail_in("ports." + opened.request.config.name, guard.error());
        opened.packet_guard = std::move(*guard);
    }
    uint16_t device_mtu = RTE_ETHER_MTU;
    rte_eth_dev_get_mtu(opened.port_id, &device_mtu);
    opened.mtu = choose_mtu(opened, device_mtu == 0 ? RTE_ETHER_MTU : device_mtu);
    if (opened.mtu > kFrameBytesMax) {
        return fail(
            ErrorKind::kInvalid,
            fmt::format("ports.{}: device '{}' has MTU {}, at most {} are served; set `mtu`",
                        opened.request.config.name, device.text, opened.mtu, kFrameBytesMax));
    }
    opened.frame_bytes_max = opened.mtu + kFrameExtraBytes;
    if (needs_small_buffers(opened)) return check_small_buffers(opened.request, opened.mtu);
    return {};
}

Ports::Pool& Ports::pool_of(uint32_t index) {
    const Port& port = ports_[index];
    const uint32_t bound = std::ranges::any_of(ports_, needs_small_buffers)
                               ? frame_bytes_within(kAfXdpObjectBytes)
                               : UINT32_MAX;
    const auto has_short_frames = [&](const Port& of) { return of.frame_bytes_max <= bound; };
    const auto fits = [&](const Pool& pool) {
        return pool.request.numa_socket == port.numa_socket &&
               has_short_frames(ports_[pool.ports.front()]) == has_short_frames(port);
    };
    auto found = std::ranges::find_if(pools_, fits);
    if (found == pools_.end()) {
        pools_.push_back({.request = {.packets = kPoolPacketsMin,
                                      .frame_bytes = kFrameRoomMin,
                                      .numa_socket = port.numa_socket},
                          .ports = {}});
        found = pools_.end() - 1;
    }
    found->ports.push_back(index);
    return *found;
}

/// A pool for each NUMA node that has devices, and one more where AF_XDP, which bounds buffers,
/// stands beside devices of longer frames.
Result<void> Ports::make_pools(uint32_t workers, uint64_t memory_bytes) {
    uint32_t waiting = workers * kCachePerWorker;  // packets of any pool
    for (uint32_t i = 0; i < ports_.size(); ++i) {
        const Port& port = ports_[i];
        waiting += workers * (kTxBufferPackets + kHandoverPackets * (port.queues.tx < workers));
        PoolRequest& request = pool_of(i).request;
        request.packets +=
            packets_held(port) + packets_shared_out(port, workers) + packets_of_host(port, workers);
        request.frame_bytes = std::max(request.frame_bytes, port.frame_bytes_max);
    }
    std::vector<PoolRequest> requests;
    for (Pool& pool : pools_) {
        pool.request.packets += waiting;
        requests.push_back(pool.request);
    }
    if (const Result<void> fit = check_pools(requests, memory_bytes); !fit) return fit;
    for (uint32_t number = 0; number < pools_.size(); ++number) {
        const Result<rte_mempool*> memory = create_pool(pools_[number].request, number);
        if (!memory) return std::unexpected(memory.error());
        pools_[number].memory = *memory;
        for (const uint32_t port : pools_[number].ports) ports_[port].pool = *memory;
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
    if (const Result<void> pool = ports->make_pools(workers, memory_bytes); !pool)
        return std::unexpected(pool.error());
    for (const Port& port : ports->ports_) {
        if (const Result<void> settled = ports->settle(port); !settled)
            return std::unexpected(settled.error());
    }
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
    for (const Pool& pool : pools_) rte_mempool_free(pool.memory);
}

void Ports::add_host_end(uint32_t owner, uint16_t port_id, uint16_t tx_queues) {
    Port end = ports_[owner];
    end.request.device = Device{.text = "host", .name = "host", .driver = "net_ring"};
    end.request.pass_port = owner;
    end.request.follow_port = LinkFollow::kNone;
    end.request.config.distribution = api::Distribution::Off;
    end.request.config.chain_budget_ns = 0;  // the bound is for what comes in by the device
    end.port_id = port_id;
    end.queues = {.rx = 1, .tx = tx_queues};
    end.driver = "net_ring";
    end.packet_guard = nullptr;
    end.is_started = true;
    ports_.push_back(std::move(end));
}

int Ports::numa_socket() const {
    return ports_.empty() ? 0 : ports_.front().numa_socket;
}

}  // namespace weir::dataplane
