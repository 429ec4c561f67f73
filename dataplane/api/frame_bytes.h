#pragma once
// How long a frame may be that leaves by a port.

#include <cstdint>

namespace weir::dataplane::api {

/// What a frame may have beyond the port's MTU: the Ethernet header and two VLAN tags.
constexpr uint32_t kFrameExtraBytes = 14 + 2 * 4;

}  // namespace weir::dataplane::api
