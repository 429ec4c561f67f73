#pragma once
// What a device offers and what is used of it. Nothing here speaks to a device: it decides from
// what the driver says of itself (rte_eth_dev_info), so that devices which are not at hand can be
// judged too.

#include <rte_ethdev.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/port_request.h"
#include "dataplane/queues.h"
#include "vm/base/result.h"

namespace weir::dataplane {

struct DeviceFacts {
    rte_eth_dev_info info{};
    std::string driver;        ///< as the driver calls itself
    uint32_t event_flags = 0;  ///< RTE_ETH_DEV_INTR_LSC, RTE_ETH_DEV_INTR_RMV: interrupts it raises
};

/// `queues` of the configuration or, where that is 0, what fits: a queue for each worker where the
/// device spreads flows over queues by a hash of ours, all of those that its driver fills anyway,
/// else one. As many transmit queues, up to one for each worker. A device with fewer receive queues
/// than workers is shared out unless the configuration says otherwise. kInvalid when the device has
/// not so many.
Result<PortQueues> choose_queues(const DeviceFacts& facts, const PortRequest& request,
                                 uint32_t workers);

/// Of one queue.
struct Descriptors {
    uint16_t rx = 0, tx = 0;
};

/// rx_descriptors of the configuration or, where that is 0, as many as the device takes of what
/// suits most. kInvalid, naming the key: a number that the device does not take.
Result<Descriptors> choose_descriptors(const DeviceFacts& facts, const PortRequest& request);

struct DeviceWish {
    PortQueues queues;
    uint16_t mtu = 0;
    uint32_t frame_bytes_max = 0;   ///< longest frame
    uint32_t buffer_bytes_max = 0;  ///< longest frame that one buffer of its pool holds
    bool is_only_pool = true;       ///< every packet that it sends comes from one pool
};
struct DeviceSettings {
    rte_eth_conf configuration{};
    Descriptors descriptors;
};

/// kInvalid, naming the key: an MTU or a number of descriptors that the device does not take.
Result<DeviceSettings> choose_settings(const DeviceFacts& facts, const PortRequest& request,
                                       const DeviceWish& wish);

/// What the device can and is used for, for people and in the words of ethtool.
std::vector<std::string> name_features(const DeviceFacts& facts, const PortRequest& request,
                                       const DeviceWish& wish, const DeviceSettings& settings);

}  // namespace weir::dataplane
