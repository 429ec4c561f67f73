#pragma once
// Ports with `pass: kernel`: a TAP interface of the port's name, MAC and MTU, by which the host's
// stack sees what XDP_PASS gives it, and sends.
//
// To the workers the host's end is one more port behind the configured ones, of rings instead of
// queues: what they send there is the host's, and what comes from there leaves by the port that it
// belongs to, over that one's egress chain. A thread of its own moves packets between rings and
// interfaces, so that no worker makes a system call and none waits for the host. No offload is
// offered to the host, whose stack then completes checksums and segments by itself; VLAN tags stay
// in the bytes both ways (Documentation/networking/tuntap.rst).

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/ports.h"
#include "dataplane/rings.h"
#include "vm/base/descriptor.h"
#include "vm/base/result.h"

namespace weir::dataplane {

class HostLinks {
public:
    /// Makes the interfaces, up, and adds the hosts' ends to `ports`, in the order of the ports
    /// that have one (PortRequest::pass_port says so too). Ends with them.
    static Result<std::unique_ptr<HostLinks>> open(Ports& ports, uint32_t workers);
    ~HostLinks();
    HostLinks(const HostLinks&) = delete;
    HostLinks& operator=(const HostLinks&) = delete;

    /// Packets that were sent to the host's end and that it did not take. Any thread.
    struct Refused {
        uint64_t down = 0;     ///< the interface was down
        uint64_t refused = 0;  ///< the host said no for another reason
    };
    /// By link; to be read before the workers' counters.
    std::vector<Refused> read() const;
    /// Counts of the hosts' ends become counts of their ports, whose `ports` then are the
    /// configured ones: what left for the host is to_kernel, what came from it rx.
    void fold(std::vector<PortCounts>& ports, std::span<const Refused> refused) const;

private:
    struct Link {
        uint32_t port = 0;  ///< that it belongs to
        Descriptor tap;     ///< the interface goes away with it
        rte_mempool* pool = nullptr;
        std::vector<Ring> to_host;  ///< by worker
        Ring from_host;
        rte_mbuf* spare = nullptr;  ///< for the next read
        std::atomic<uint64_t> down{0}, refused{0};
    };

    HostLinks() = default;
    Result<void> add(Ports& ports, uint32_t port, uint32_t workers);
    void serve();
    bool send(Link& link);
    bool receive(Link& link);
    void wait(uint32_t idle_turns);
    static void write_packet(Link& link, rte_mbuf* packet);

    std::vector<std::unique_ptr<Link>> links_;
    uint32_t configured_ = 0;  ///< ports without the hosts' ends
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace weir::dataplane
