#pragma once
// All network interfaces of this process's namespace, as the kernel lists them (rtnetlink(7),
// RTM_GETLINK). Reads only.

#include <cstdint>
#include <string>
#include <vector>

namespace weir::dataplane {

struct LinkRow {
    uint32_t index = 0;
    std::string name;
    std::string kind;     ///< "veth", "vlan", "macvlan"; empty for physical ones
    uint32_t master = 0;  ///< index of the bridge or bond that it is a port of; 0: none
    uint32_t lower = 0;   ///< index of what it sits on or, of veth, of its other end; 0: none
    bool is_lower_elsewhere = false;  ///< `lower` counts in another namespace
    uint32_t xdp_program_id = 0;      ///< program attached, 0: none
};

/// Empty where the kernel does not answer.
std::vector<LinkRow> read_links();

}  // namespace weir::dataplane
