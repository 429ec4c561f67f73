#pragma once
// The open devices: probed, configured, started; stopped and closed at the end. Control thread.

#include <rte_mempool.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"
#include "dataplane/counters.h"
#include "dataplane/device_features.h"
#include "dataplane/link_state.h"
#include "dataplane/packet_guard.h"
#include "dataplane/pool.h"
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
        Descriptors descriptors;
        uint16_t mtu = 0;
        uint32_t frame_bytes_max = 0;  ///< longest frame that may leave by it
        std::string driver;
        int numa_socket = 0;
        rte_mempool* pool = nullptr;  ///< that it receives into: of its NUMA node
        std::vector<std::string> features;
        std::shared_ptr<PacketGuard> packet_guard;  ///< of net_af_packet
        bool is_started = false;
    };
    const std::vector<Port>& all() const { return ports_; }
    /// Zeroes where the device has none.
    vm::MacAddress mac(uint32_t index) const;
    /// `counts`: of all workers.
    api::PortInfo info(uint32_t index, const PortCounts& counts, const LinkState& link) const;
    /// Of the start.
    const std::vector<std::string>& warnings() const { return warnings_; }
    /// What its packets say.
    std::vector<std::string> warnings_of(uint32_t index, const PortCounts& counts) const;
    /// Of the first port.
    int numa_socket() const;
    /// The host's end of a port, as one more port behind the others; `port_id` is closed here.
    void add_host_end(uint32_t owner, uint16_t port_id, uint16_t tx_queues);

private:
    /// Ports whose packets lie in one pool.
    struct Pool {
        PoolRequest request;
        std::vector<uint32_t> ports;
        rte_mempool* memory = nullptr;
    };

    Ports() = default;
    Result<void> guard(const PortRequest& request);
    Result<void> probe(PortRequest request, uint32_t workers);
    Result<void> make_pools(uint32_t workers, uint64_t memory_bytes);
    Pool& pool_of(uint32_t index);
    Result<void> settle(const Port& port);
    Result<void> start(Port& port);
    Result<void> set_up_queues(const Port& port, const DeviceSettings& settings);
    DeviceWish wish_of(const Port& port) const;
    void set_reception(const Port& port);

    std::vector<std::unique_ptr<XdpGuard>> guards_;  ///< by interface; they end after the devices
    std::vector<Port> ports_;
    // By port:
    std::vector<DeviceFacts> facts_;
    std::vector<DeviceSettings> settings_;
    std::vector<Pool> pools_;
    std::vector<std::string> warnings_;
};

/// "ports.NAME: device 'TEXT' WHAT: " and what the driver said since `log_mark`, else the error's
/// name; an errno, negative or not.
Error device_error(const Ports::Port& port, const char* what, int error, size_t log_mark);

/// Adds a hint where another program holds the interface.
void add_holder(Error& error, const Device& device);

}  // namespace weir::dataplane
