#include "dataplane/link_watch.h"

#include <fmt/format.h>
#include <pthread.h>
#include <rte_errno.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "dataplane/interface.h"
#include "dataplane/links_thread.h"

namespace weir::dataplane {

LinkWatch::LinkWatch(std::vector<WatchedLink> links)
    : follow_([&] {
          std::vector<uint32_t> leaders;
          for (const WatchedLink& link : links) leaders.push_back(link.leader);
          return leaders;
      }()) {
    for (WatchedLink& link : links) {
        links_.push_back(std::make_unique<Link>());
        links_.back()->watch = this;
        links_.back()->what = std::move(link);
        links_.back()->ifindex = interface_index(links_.back()->what.interface);
    }
    for (const auto& link : links_) {
        look_at(*link);
        set_callbacks(*link, true);
    }
    thread_ = std::thread([this] { run(); });
    links_thread.wait(0, std::memory_order_relaxed);
}

LinkWatch::~LinkWatch() {
    {
        const std::lock_guard lock(wake_mutex_);
        stops_ = true;
    }
    wakes_.notify_one();
    thread_.join();
    links_thread.store(0, std::memory_order_relaxed);
    for (const auto& link : links_) {
        set_callbacks(*link, false);
        if (link->state.held && !link->state.removed) set(*link, true);
    }
}

int LinkWatch::on_event(uint16_t, rte_eth_event_type event, void* opaque, void*) {
    auto& link = *static_cast<Link*>(opaque);
    if (event == RTE_ETH_EVENT_INTR_RMV) link.removed_event.store(true, std::memory_order_release);
    link.watch->wake();
    return 0;
}

void LinkWatch::set_callbacks(Link& link, bool on) {
    const auto change = on ? rte_eth_dev_callback_register : rte_eth_dev_callback_unregister;
    for (const rte_eth_event_type event : {RTE_ETH_EVENT_INTR_LSC, RTE_ETH_EVENT_INTR_RMV})
        change(link.what.port_id, event, on_event, &link);
}

void LinkWatch::wake() {
    {
        const std::lock_guard lock(wake_mutex_);
        woken_ = true;
    }
    wakes_.notify_one();
}

void LinkWatch::run() {
    pthread_setname_np(pthread_self(), "weir-links");
    mark_links_thread();
    for (;;) {
        {
            std::unique_lock lock(wake_mutex_);
            wakes_.wait_for(lock, kPeriod, [&] { return woken_ || stops_; });
            woken_ = false;
            if (stops_) return;
        }
        for (const auto& link : links_) look_at(*link);
        follow();
    }
}

bool LinkWatch::is_removed(const Link& link) const {
    if (link.removed_event.load(std::memory_order_acquire)) return true;
    if (!link.what.interface.empty()) return interface_index(link.what.interface) != link.ifindex;
    if (link.what.pci.empty()) return false;
    return access(("/sys/bus/pci/devices/" + link.what.pci).c_str(), F_OK) != 0 ||
           rte_eth_dev_is_removed(link.what.port_id) == 1;
}

void LinkWatch::look_at(Link& link) {
    LinkState now = link.state;  // only this thread writes it
    now.removed = link.state.removed || is_removed(link);
    now.up = false;
    now.mbps = 0;
    rte_eth_link told{};
    if (now.removed) {
        // Nothing that its driver says counts any more.
    } else if (!link.what.interface.empty()) {
        const InterfaceLink kernel = read_link(link.what.interface);
        now.up = kernel.is_up;
        now.mbps = kernel.mbps;
    } else if (rte_eth_link_get_nowait(link.what.port_id, &told) == 0) {
        now.up = told.link_status == RTE_ETH_LINK_UP;
        now.mbps = told.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : told.link_speed;
    }
    const bool changed = now.up != link.state.up && !now.held;
    if (changed && !now.up) ++now.downs;
    if (now.removed && !link.state.removed)
        spdlog::error("port {}: its device is gone", link.what.port);
    else if (changed)
        spdlog::info("port {}: link {}", link.what.port, now.up ? "up" : "down");
    const std::lock_guard lock(mutex_);
    link.state = now;
}

void LinkWatch::follow() {
    std::vector<uint8_t> up;
    for (const auto& link : links_) up.push_back(link->state.up);
    for (const LinkFollow::Order& order : follow_.step(up, std::chrono::steady_clock::now()))
        set(*links_[order.port], order.up);
}

/// Drivers on the kernel's interfaces mostly leave the link alone: there it is the interface that
/// goes down.
void LinkWatch::set(Link& link, bool up) {
    const WatchedLink& what = link.what;
    int error =
        up ? rte_eth_dev_set_link_up(what.port_id) : rte_eth_dev_set_link_down(what.port_id);
    if (error == -ENOTSUP && !what.interface.empty()) error = set_interface_up(what.interface, up);
    const char* const word = up ? "up" : "down";
    if (error == 0)
        spdlog::warn("port {}: taken {} with the link that it follows", what.port, word);
    else
        spdlog::error("port {}: cannot be taken {}: {}", what.port, word, rte_strerror(-error));
    const std::lock_guard lock(mutex_);
    link.state.held = !up;
    if (!up) link.state.up = false;
    link.trouble = error == 0 ? "" : rte_strerror(-error);
}

std::vector<LinkState> LinkWatch::states() const {
    const std::lock_guard lock(mutex_);
    std::vector<LinkState> states;
    for (const auto& link : links_) states.push_back(link->state);
    return states;
}

std::vector<std::string> LinkWatch::warnings() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> warnings;
    for (const auto& link : links_) {
        const WatchedLink& what = link->what;
        if (link->state.removed) {
            const std::string which = what.interface.empty() ? what.pci : what.interface;
            warnings.push_back(
                fmt::format("port {}: its device{}{} is gone; the port is used again "
                            "after a restart of the dataplane",
                            what.port, which.empty() ? "" : " ", which));
        } else if (link->state.held) {
            warnings.push_back(fmt::format(
                "port {}: follows the link of port {}, which is down{}", what.port,
                links_[what.leader]->what.port,
                link->trouble.empty() ? "" : "; it should be down, too, but: " + link->trouble));
        }
    }
    return warnings;
}

std::unique_ptr<LinkWatch> watch_links(const Ports& ports, uint32_t count) {
    std::vector<WatchedLink> links;
    for (uint32_t i = 0; i < count; ++i) {
        const Ports::Port& port = ports.all()[i];
        const Device& device = port.request.device;
        links.push_back({.port = port.request.config.name,
                         .port_id = port.port_id,
                         .pci = device.is_pci() ? device.name : "",
                         .interface = device.link_interface(),
                         .leader = port.request.follow_port});
    }
    return std::make_unique<LinkWatch>(std::move(links));
}

}  // namespace weir::dataplane
