#pragma once
// What an interface leaves to its device, by ethtool's names of features (ethtool -k shows the same
// ones by its own). Reads only.

#include <cstdint>
#include <set>
#include <string>

namespace weir::dataplane {

/// Features that are on: "rx-gro", "tx-tcp-segmentation", "rx-vlan-hw-parse". Empty where the
/// interface does not say.
std::set<std::string> active_offloads(const std::string& interface);

struct Channels {
    uint32_t count = 0;         ///< receive queues; 0: the interface does not say
    bool are_combined = false;  ///< they go with transmit queues
};
Channels receive_channels(const std::string& interface);

}  // namespace weir::dataplane
