#pragma once
// An interface of the kernel as a part of a wire: what the host, the interface's offloads and its
// other end could do to frames. Each refusal names the command that mends it.

#include <span>
#include <string>
#include <vector>

#include "dataplane/device.h"
#include "dataplane/interface.h"
#include "vm/base/result.h"

namespace weir::dataplane {

/// Of net_af_xdp and net_af_packet. Refuses, when `is_inline` (what comes in may leave again):
/// ports of bridges and bonds, interfaces with others on top, tags that the device takes out of the
/// bytes; with net_af_packet also addresses, since the host sees what comes in, and segments that
/// the interface puts together. Always: an MTU whose frames net_af_packet would cut.
Result<void> check_interface(const Device& device, const Interface& interface, bool is_inline);

/// Refuses interfaces some of whose receive queues no device reads: their frames would be lost.
Result<void> check_receive_queues(std::span<const Device* const> devices);

/// What may come and cannot be seen from here, or does no harm to frames.
std::vector<std::string> interface_warnings(const Device& device, const Interface& interface);

/// The longest frame that net_af_packet takes whole, by the device's framesz.
uint32_t af_packet_frame_bytes_max(const Device& device);

}  // namespace weir::dataplane
