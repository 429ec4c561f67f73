#pragma once
// What the kernel says of a network interface that a device sits on. Reads, but for
// set_interface_up.

#include <cstdint>
#include <string>
#include <vector>

#include "vm/base/result.h"

namespace weir::dataplane {

struct Interface {
    std::string name;
    uint32_t index = 0;
    uint32_t mtu = 0;
    bool is_up = false;
    std::string driver;  ///< as ethtool says it ("veth"); empty where it says nothing
    std::vector<std::string> addresses;  ///< IPv4 and IPv6 other than link-local
    uint32_t xdp_program_id = 0;         ///< program attached now, 0 for none
};

/// In this process's network namespace. kInvalid when there is no such interface.
Result<Interface> read_interface(const std::string& name);

/// 0 when there is none, or no name.
uint32_t interface_index(const std::string& name);

struct InterfaceLink {
    bool is_up = false;  ///< the interface is, and has a carrier
    uint32_t mbps = 0;   ///< 0: unknown
};
InterfaceLink read_link(const std::string& name);

/// 0 or a negative errno.
int set_interface_up(const std::string& name, bool up);

}  // namespace weir::dataplane
