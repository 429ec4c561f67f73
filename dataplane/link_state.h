#pragma once
// What is known of a port's link.

#include <cstdint>

namespace weir::dataplane {

struct LinkState {
    bool up = false;
    bool held = false;     ///< taken down by link_follow
    bool removed = false;  ///< the device, or the interface it sat on, went away
    uint32_t mbps = 0;     ///< 0: unknown
    uint64_t downs = 0;    ///< times that it was seen to go down, link_follow's own aside
};

}  // namespace weir::dataplane
