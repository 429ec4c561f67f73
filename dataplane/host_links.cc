#include "dataplane/host_links.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <poll.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/interface.h"
#include "dataplane/transmit.h"

namespace weir::dataplane {
namespace {

constexpr uint32_t kBatch = 64;
constexpr uint32_t kBusyTurns = 200;  ///< idle ones that wait shortly, then longer
constexpr long kShortWaitNs = 50'000, kLongWaitNs = 1'000'000;
constexpr unsigned long kTimerSlackNs = 1'000;
constexpr uint16_t kRingRoom = kHostRingPackets;

std::unexpected<Error> system_error(const std::string& name, const char* what) {
    return fail(ErrorKind::kResource, fmt::format("ports.{}: pass: kernel: interface {}: {}: {}",
                                                  name, name, what, std::strerror(errno)));
}

ifreq request_for(const std::string& name) {
    ifreq request{};
    std::memcpy(request.ifr_name, name.data(), std::min<size_t>(name.size(), IFNAMSIZ - 1));
    return request;
}

Result<void> set_up(const std::string& name, const vm::MacAddress& mac, uint16_t mtu) {
    const Descriptor control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (control.get() < 0) return system_error(name, "socket");
    ifreq request = request_for(name);
    if (mac != vm::MacAddress{}) {
        request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        std::memcpy(request.ifr_hwaddr.sa_data, mac.data(), mac.size());
        if (::ioctl(control.get(), SIOCSIFHWADDR, &request) != 0)
            return system_error(name, "does not take the port's MAC");
    }
    request = request_for(name);
    request.ifr_mtu = mtu;
    if (::ioctl(control.get(), SIOCSIFMTU, &request) != 0)
        return system_error(name, "does not take the port's MTU");
    if (const int error = set_interface_up(name, true); error != 0) {
        errno = -error;
        return system_error(name, "cannot be set up");
    }
    return {};
}

/// A TAP interface that goes away with its descriptor.
Result<Descriptor> make_interface(const std::string& name, const vm::MacAddress& mac,
                                  uint16_t mtu) {
    if (name.size() >= IFNAMSIZ)
        return fail(ErrorKind::kInvalid,
                    fmt::format("ports.{}: pass: kernel: the host's interface has the port's name, "
                                "of up to {} bytes",
                                name, IFNAMSIZ - 1));
    Descriptor tap(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (tap.get() < 0) return system_error(name, "/dev/net/tun");
    ifreq request = request_for(name);
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
    if (::ioctl(tap.get(), TUNSETIFF, &request) != 0)
        return system_error(name, "cannot be made, it has the port's name");
    if (const Result<void> up = set_up(name, mac, mtu); !up) return std::unexpected(up.error());
    return tap;
}

/// A device of these rings, started.
Result<uint16_t> make_device(const std::string& name, std::vector<rte_ring*> to_host,
                             rte_ring* from_host, int numa_socket, rte_mempool* pool) {
    const auto queues = static_cast<uint16_t>(to_host.size());
    const auto socket = static_cast<unsigned>(numa_socket);
    const int made =
        rte_eth_from_rings(name.c_str(), &from_host, 1, to_host.data(), queues, socket);
    const auto refuse = [&](const char* what) {
        return fail(ErrorKind::kResource,
                    fmt::format("device {}: {}: {}", name, what, rte_strerror(rte_errno)));
    };
    if (made < 0) return refuse("cannot be made");
    const auto port_id = static_cast<uint16_t>(made);
    const rte_eth_conf configuration{};
    if (rte_eth_dev_configure(port_id, 1, queues, &configuration) != 0)
        return refuse("cannot be configured");
    if (rte_eth_rx_queue_setup(port_id, 0, kRingRoom, socket, nullptr, pool) != 0)
        return refuse("gives no receive queue");
    for (uint16_t queue = 0; queue < queues; ++queue)
        if (rte_eth_tx_queue_setup(port_id, queue, kRingRoom, socket, nullptr) != 0)
            return refuse("gives no transmit queue");
    if (rte_eth_dev_start(port_id) != 0) return refuse("does not start");
    return port_id;
}

void free_all(rte_ring* ring) {
    void* packet = nullptr;
    while (ring != nullptr && rte_ring_dequeue(ring, &packet) == 0)
        rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
}

}  // namespace

Result<void> HostLinks::add(Ports& ports, uint32_t port, uint32_t workers) {
    const Ports::Port& owner = ports.all()[port];
    const std::string& name = owner.request.config.name;
    auto link = std::make_unique<Link>();
    link->port = port;
    link->pool = owner.pool;
    Result<Descriptor> tap = make_interface(name, ports.mac(port), owner.mtu);
    if (!tap) return std::unexpected(tap.error());
    link->tap = std::move(*tap);
    std::vector<rte_ring*> to_host;
    for (uint32_t worker = 0; worker < workers; ++worker) {
        Result<Ring> ring = make_ring(fmt::format("weir_to_host_{}_{}", port, worker),
                                      kHostRingPackets, ports.numa_socket());
        if (!ring) return std::unexpected(ring.error());
        to_host.push_back(link->to_host.emplace_back(std::move(*ring)).get());
    }
    Result<Ring> from_host =
        make_ring(fmt::format("weir_from_host_{}", port), kHostRingPackets, ports.numa_socket());
    if (!from_host) return std::unexpected(from_host.error());
    link->from_host = std::move(*from_host);
    const Result<uint16_t> device =
        make_device(fmt::format("weir_host_{}", port), std::move(to_host), link->from_host.get(),
                    ports.numa_socket(), link->pool);
    if (!device) return std::unexpected(device.error());
    ports.add_host_end(port, *device, static_cast<uint16_t>(workers));
    links_.push_back(std::move(link));
    return {};
}

Result<std::unique_ptr<HostLinks>> HostLinks::open(Ports& ports, uint32_t workers) {
    std::unique_ptr<HostLinks> links(new HostLinks);
    links->configured_ = static_cast<uint32_t>(ports.all().size());
    for (uint32_t port = 0; port < links->configured_; ++port) {
        if (ports.all()[port].request.config.pass != api::PassKind::Kernel) continue;
        if (const Result<void> added = links->add(ports, port, workers); !added)
            return std::unexpected(added.error());
    }
    if (!links->links_.empty()) links->thread_ = std::thread([&self = *links] { self.serve(); });
    return links;
}

HostLinks::~HostLinks() {
    stop_.store(true, std::memory_order_relaxed);
    if (thread_.joinable()) thread_.join();
    for (const auto& link : links_) {
        for (const Ring& ring : link->to_host) free_all(ring.get());
        free_all(link->from_host.get());
        rte_pktmbuf_free(link->spare);
    }
}

void HostLinks::serve() {
    prctl(PR_SET_NAME, "weir-host");
    prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
    uint32_t idle_turns = 0;
    while (!stop_.load(std::memory_order_relaxed)) {
        bool moved = false;
        for (const auto& link : links_) {
            moved |= send(*link);
            moved |= receive(*link);
        }
        if (moved)
            idle_turns = 0;
        else
            wait(idle_turns++);
    }
}

/// Until the host sends, for a moment only: rings wake nobody.
void HostLinks::wait(uint32_t idle_turns) {
    std::array<pollfd, Counters::kPortsMax> waiting{};
    nfds_t count = 0;
    for (const auto& link : links_) {
        if (rte_ring_free_count(link->from_host.get()) != 0)
            waiting[count++] = {.fd = link->tap.get(), .events = POLLIN, .revents = 0};
    }
    const timespec bound{.tv_sec = 0,
                         .tv_nsec = idle_turns < kBusyTurns ? kShortWaitNs : kLongWaitNs};
    ::ppoll(waiting.data(), count, &bound, nullptr);
}

void HostLinks::write_packet(Link& link, rte_mbuf* packet) {
    const auto bytes = static_cast<ssize_t>(packet->data_len);
    const ssize_t written =
        ::write(link.tap.get(), rte_pktmbuf_mtod(packet, const void*), packet->data_len);
    if (written != bytes) {
        std::atomic<uint64_t>& count = written < 0 && errno == EIO ? link.down : link.refused;
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    rte_pktmbuf_free(packet);
}

bool HostLinks::send(Link& link) {
    bool moved = false;
    for (const Ring& ring : link.to_host) {
        void* packets[kBatch];
        const uint32_t count = rte_ring_sc_dequeue_burst(ring.get(), packets, kBatch, nullptr);
        for (uint32_t i = 0; i < count; ++i) write_packet(link, static_cast<rte_mbuf*>(packets[i]));
        moved |= count != 0;
    }
    return moved;
}

/// What finds no room waits in the interface's own queue.
bool HostLinks::receive(Link& link) {
    const uint32_t room = std::min(kBatch, rte_ring_free_count(link.from_host.get()));
    uint32_t count = 0;
    while (count < room) {
        if (link.spare == nullptr) link.spare = rte_pktmbuf_alloc(link.pool);
        if (link.spare == nullptr) break;
        rte_mbuf& packet = *link.spare;
        const ssize_t bytes =
            ::read(link.tap.get(), rte_pktmbuf_mtod(&packet, void*), rte_pktmbuf_tailroom(&packet));
        if (bytes <= 0) break;
        packet.data_len = static_cast<uint16_t>(bytes);
        packet.pkt_len = packet.data_len;
        rte_ring_sp_enqueue(link.from_host.get(), link.spare);
        link.spare = nullptr;
        ++count;
    }
    return count != 0;
}

std::vector<HostLinks::Refused> HostLinks::read() const {
    std::vector<Refused> refused;
    for (const auto& link : links_)
        refused.push_back({link->down.load(std::memory_order_relaxed),
                           link->refused.load(std::memory_order_relaxed)});
    return refused;
}

void HostLinks::fold(std::vector<PortCounts>& ports, std::span<const Refused> refused) const {
    for (size_t i = 0; i < links_.size(); ++i) {
        PortCounts& port = ports[links_[i]->port];
        const PortCounts& end = ports[configured_ + i];
        // A worker's last burst may be refused already and not yet be counted as sent.
        const Refused seen = i < refused.size() ? refused[i] : Refused{};
        const uint64_t down = std::min(seen.down, end.tx);
        const Refused missed{down, std::min(seen.refused, end.tx - down)};
        port.rx += end.rx;
        port.rx_bytes += end.rx_bytes;
        port.to_kernel += end.tx - missed.down - missed.refused;
        port.in_flight += end.in_flight;
        port.between_workers += end.between_workers;
        port.cloned += end.cloned;
        port.heads_moved += end.heads_moved;
        for (size_t reason = 0; reason < kDropReasons; ++reason) {
            const bool is_full = reason == static_cast<size_t>(DropReason::tx_full);
            port.drops[is_full ? static_cast<size_t>(DropReason::host_full) : reason] +=
                end.drops[reason];
        }
        port.drops[static_cast<size_t>(DropReason::host_down)] += missed.down;
        port.drops[static_cast<size_t>(DropReason::host_refused)] += missed.refused;
    }
    ports.resize(configured_);
}

}  // namespace weir::dataplane
