#pragma once
// The `device` key of a port: a PCI address or a DPDK vdev string, taken apart and judged before
// EAL starts.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/base/result.h"

namespace weir::dataplane {

struct Device {
    std::string text;    ///< as written
    std::string name;    ///< DPDK's: "net_pcap0", "0000:3b:00.0"
    std::string driver;  ///< "net_pcap"; empty for PCI, where EAL finds it
    std::vector<std::pair<std::string, std::string>> arguments;  ///< of a vdev, in order

    bool is_pci() const { return driver.empty(); }
    std::optional<std::string> argument(std::string_view key) const;
    /// The kernel interface that the device sits on (af_xdp, af_packet), empty for others.
    std::string interface() const;
    /// The interface whose link is the device's: the same, and of net_tap the one that it makes
    /// where `iface` names it.
    std::string link_interface() const;
    /// True for a source that ends: a capture file that is not repeated.
    bool is_finite() const;
    /// True where no packet is lost while nobody receives: the sender waits, or there is none.
    bool waits_for_room() const;
};

/// "0000:3b:00.0", "3b:00.0" or "net_af_xdp0,iface=veth1". Unknown drivers are refused with the
/// list of known ones.
Result<Device> parse_device(const std::string& text);

/// Refuses what can be known to fail or to forward damaged frames: interfaces that do not exist,
/// captures that cannot be read, PCI addresses where nothing is, backends that do not listen, and
/// what check_interface refuses.
Result<void> check_device(const Device& device, bool is_inline);

}  // namespace weir::dataplane
