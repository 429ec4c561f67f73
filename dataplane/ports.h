#pragma once
// The open devices: probed, configured, started; stopped and closed at the end. Control thread.

#include <rte_mempool.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"
#include "dataplane/port_request.h"
#include "dataplane/queues.h"
#include "dataplane/xdp_guard.h"
#include "vm/base/result.h"
#include "vm/helpers/fib.h"

namespace weir::dataplane {

class Ports {
public:
    /// After EAL's start. All devices or none; an error names the port and the driver's reason.
    static Result<std::unique_ptr<Ports>> open(std::vector<PortRequest> requests, uint32_t workers,
                                               uint64_t memory_bytes);
    ~Ports();
    Ports(const Ports&) = delete;
    Ports& operator=(const Ports&) = delete;

    struct Port {
        PortRequest request;
        uint16_t port_id = 0;  ///< DPDK's
        PortQueues queues;
        uint16_t mtu = 0;
        uint32_t frame_bytes_max = 0;  ///< longest frame that may leave by it
        std::string driver;
        bool is_started = false;
    };
    const std::vector<Port>& all() const { return ports_; }
    /// Zeroes where the device has none.
    vm::MacAddress mac(uint32_t index) const;
    /// Without counters of ours: `bad_checksums` stays 0.
    api::PortInfo info(uint32_t index) const;
    const std::vector<std::string>& warnings() const { return warnings_; }
    int numa_socket() const;
    /// Where packets that come by the port get their buffers.
    rte_mempool* pool_of_port(uint32_t index) const;
    /// The host's end of a port, as one more port behind the others; `port_id` is closed here.
    void add_host_end(uint32_t owner, uint16_t port_id, uint16_t tx_queues);

private:
    Ports() = default;
    Result<void> guard(const PortRequest& request);
    Result<void> probe(PortRequest request, uint32_t workers);
    Result<void> make_pool(uint32_t workers, uint64_t memory_bytes);
    Result<void> start(Port& port);

    std::vector<std::unique_ptr<XdpGuard>> guards_;  ///< by interface; they end after the devices
    std::vector<Port> ports_;
    std::vector<std::string> warnings_;
    rte_mempool* pool_ = nullptr;
};

}  // namespace weir::dataplane
