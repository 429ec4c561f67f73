#pragma once
// The links of all ports: looked at by a thread of its own at least once in kPeriod, and at once
// when a device raises an interrupt, so that neither a worker nor a long proof on the control
// thread is in the way. Carries `link_follow` out.

#include <rte_ethdev.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/link_follow.h"
#include "dataplane/ports.h"

namespace weir::dataplane {

struct WatchedLink {
    std::string port;                     ///< its name
    uint16_t port_id = 0;                 ///< DPDK's
    std::string pci;                      ///< its address there; empty for virtual devices
    std::string interface;                ///< of the kernel, that the device sits on; or empty
    uint32_t leader = LinkFollow::kNone;  ///< index of the port whose link this one follows
};

class LinkWatch {
public:
    static constexpr auto kPeriod = std::chrono::milliseconds(50);

    /// Ports are open and stay so until the end of this.
    explicit LinkWatch(std::vector<WatchedLink> links);
    /// Lets up again what link_follow holds down.
    ~LinkWatch();
    LinkWatch(const LinkWatch&) = delete;
    LinkWatch& operator=(const LinkWatch&) = delete;

    // -- any thread -------------------------------------------------------------------------------
    std::vector<LinkState> states() const;
    /// Removed devices, ports that are held down, and those that cannot follow.
    std::vector<std::string> warnings() const;

private:
    struct Link {
        LinkWatch* watch = nullptr;
        WatchedLink what;
        LinkState state;
        uint32_t ifindex = 0;  ///< of the interface when the watch began
        std::string trouble;   ///< why it cannot be taken down
        /// Release by EAL's interrupt thread; partner: look_at.
        std::atomic<bool> removed_event{false};
    };

    void run();
    void look_at(Link& link);
    bool is_removed(const Link& link) const;
    void follow();
    void set(Link& link, bool up);
    void set_callbacks(Link& link, bool on);
    void wake();
    static int on_event(uint16_t port_id, rte_eth_event_type event, void* link, void* result);

    std::vector<std::unique_ptr<Link>> links_;
    LinkFollow follow_;
    mutable std::mutex mutex_;  ///< of the states and troubles
    std::mutex wake_mutex_;
    std::condition_variable wakes_;
    bool woken_ = false, stops_ = false;  ///< under wake_mutex_
    std::thread thread_;
};

/// Of the first `count` ports: those behind them are the host's ends.
std::unique_ptr<LinkWatch> watch_links(const Ports& ports, uint32_t count);

}  // namespace weir::dataplane
