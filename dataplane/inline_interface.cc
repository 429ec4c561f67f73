#include "dataplane/inline_interface.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "dataplane/link_table.h"
#include "dataplane/offloads.h"
#include "dataplane/text.h"

namespace weir::dataplane {
namespace {

constexpr uint32_t kAfPacketFrameBytes = 2048;  ///< the driver's default for framesz
/// What the kernel keeps of an af_packet frame for itself: TPACKET_V2 puts the Ethernet header at
/// offset 66 (net/packet/af_packet.c, tpacket_rcv: netoff = ALIGN16(TPACKET2_HDRLEN + 16), macoff =
/// netoff - 14).
constexpr uint32_t kAfPacketOverhead = 66;
constexpr uint32_t kEthernetHeaderBytes = 14;

uint32_t number_argument(const Device& device, const char* key, uint32_t otherwise) {
    uint32_t number = otherwise;
    if (const auto text = device.argument(key))
        std::from_chars(text->data(), text->data() + text->size(), number);
    return number;
}

Result<void> refuse(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

Result<void> check_neighbours(const Interface& interface, const std::vector<LinkRow>& links) {
    const auto own = std::ranges::find(links, interface.index, &LinkRow::index);
    if (own != links.end() && own->master != 0) {
        const auto master = std::ranges::find(links, own->master, &LinkRow::index);
        return refuse(fmt::format(
            "interface {} is a port of {}, which would forward beside the filter; `ip link set dev "
            "{} nomaster`",
            interface.name, master == links.end() ? "another interface" : master->name,
            interface.name));
    }
    for (const LinkRow& link : links) {
        // The other end of a veth pair names this one, but does not sit on it.
        if (link.lower != interface.index || link.is_lower_elsewhere || link.kind == "veth")
            continue;
        return refuse(fmt::format(
            "interface {} ({}) sits on {}: its traffic would pass beside the filter; `ip link del "
            "dev {}`",
            link.name, link.kind, interface.name, link.name));
    }
    return {};
}

/// XDP runs before the kernel puts tags back. A veth interface hands tags over as its other end
/// left them, whatever its own setting says.
Result<void> check_tags(const Interface& interface, const std::set<std::string>& offloads) {
    if (interface.driver == "veth") return {};
    const bool takes_8021q = offloads.contains("rx-vlan-hw-parse");
    if (!takes_8021q && !offloads.contains("rx-vlan-stag-hw-parse")) return {};
    return refuse(fmt::format(
        "interface {} takes VLAN tags out of frames before net_af_xdp sees them, so that they "
        "would "
        "be lost; `ethtool -K {} {} off`",
        interface.name, interface.name, takes_8021q ? "rxvlan" : "rx-vlan-stag-hw-parse"));
}

Result<void> check_segments(const Interface& interface, const std::set<std::string>& offloads) {
    for (const char* const feature : {"rx-gro", "rx-gro-hw", "rx-lro"}) {
        if (!offloads.contains(feature)) continue;
        const std::string_view switch_name = std::string_view(feature).substr(3);
        return refuse(fmt::format(
            "interface {} puts segments together ({}) before net_af_packet sees them, longer than "
            "any frame may leave; `ethtool -K {} {} off`",
            interface.name, feature, interface.name,
            switch_name == "gro-hw" ? "rx-gro-hw" : switch_name));
    }
    return {};
}

Result<void> check_af_packet(const Device& device, const Interface& interface, bool is_inline) {
    const uint32_t frame_bytes_max = af_packet_frame_bytes_max(device);
    const uint32_t mtu_max =
        frame_bytes_max > kEthernetHeaderBytes ? frame_bytes_max - kEthernetHeaderBytes : 0;
    if (interface.mtu > mtu_max) {
        return refuse(fmt::format(
            "interface {} has MTU {}, but frames of net_af_packet with framesz={} hold {}: frames "
            "would be cut; `ip link set dev {} mtu {}`, or a larger framesz (and blocksz)",
            interface.name, interface.mtu, number_argument(device, "framesz", kAfPacketFrameBytes),
            mtu_max, interface.name, mtu_max));
    }
    if (!is_inline) return {};
    if (interface.addresses.empty())
        return check_segments(interface, active_offloads(interface.name));
    return refuse(fmt::format(
        "interface {} has the address {}: with net_af_packet the host's own stack would answer "
        "beside the filter; `ip addr flush dev {} && sysctl -w net.ipv6.conf.{}.disable_ipv6=1`, "
        "or "
        "use net_af_xdp",
        interface.name, join(interface.addresses, ", "), interface.name, interface.name));
}

/// The other end of a veth pair, where it is in this namespace.
const LinkRow* other_end(const Interface& interface, const std::vector<LinkRow>& links) {
    const auto own = std::ranges::find(links, interface.index, &LinkRow::index);
    if (own == links.end() || own->kind != "veth" || own->is_lower_elsewhere) return nullptr;
    const auto other = std::ranges::find(links, own->lower, &LinkRow::index);
    return other == links.end() ? nullptr : &*other;
}

/// Tags that a VLAN interface on the other end leaves to its device never come into the bytes.
Result<void> check_other_end(const Interface& interface, const std::vector<LinkRow>& links) {
    const LinkRow* const other = other_end(interface, links);
    if (other == nullptr || !active_offloads(other->name).contains("tx-vlan-hw-insert")) return {};
    const auto tags = [&](const LinkRow& link) {
        return link.kind == "vlan" && link.lower == other->index && !link.is_lower_elsewhere;
    };
    if (std::ranges::none_of(links, tags)) return {};
    return refuse(fmt::format(
        "interface {}: the VLAN interfaces on its other end {} leave their tags beside the frames, "
        "where net_af_xdp loses them; `ethtool -K {} txvlan off`",
        interface.name, other->name, other->name));
}

}  // namespace

uint32_t af_packet_frame_bytes_max(const Device& device) {
    const uint32_t frame_bytes = number_argument(device, "framesz", kAfPacketFrameBytes);
    return frame_bytes > kAfPacketOverhead ? frame_bytes - kAfPacketOverhead : 0;
}

Result<void> check_interface(const Device& device, const Interface& interface, bool is_inline) {
    const std::vector<LinkRow> links = read_links();
    if (is_inline) {
        if (const Result<void> alone = check_neighbours(interface, links); !alone) return alone;
    }
    if (device.driver == "net_af_packet") return check_af_packet(device, interface, is_inline);
    if (!is_inline) return {};
    if (const Result<void> tags = check_tags(interface, active_offloads(interface.name)); !tags)
        return tags;
    return check_other_end(interface, links);
}

Result<void> check_receive_queues(std::span<const Device* const> devices) {
    std::map<std::string, uint32_t> read;  // by interface: queues from 0 on
    for (const Device* device : devices) {
        if (device->driver != "net_af_xdp") continue;
        uint32_t& upto = read[device->interface()];
        upto = std::max(upto, number_argument(*device, "start_queue", 0) +
                                  number_argument(*device, "queue_count", 1));
    }
    for (const auto& [interface, upto] : read) {
        const Channels channels = receive_channels(interface);
        if (channels.count <= upto) continue;
        return refuse(fmt::format(
            "interface {} has {} receive queues, of which net_af_xdp reads {}: the frames of the "
            "others would be lost; `ethtool -L {} {} {}`, or queue_count={}",
            interface, channels.count, upto, interface, channels.are_combined ? "combined" : "rx",
            upto, channels.count));
    }
    return {};
}

std::vector<std::string> interface_warnings(const Device& device, const Interface& interface) {
    std::vector<std::string> warnings;
    if (!interface.is_up)
        warnings.push_back(fmt::format("interface {} is down; `ip link set dev {} up`",
                                       interface.name, interface.name));
    if (device.driver != "net_af_xdp") return warnings;
    if (!interface.addresses.empty())
        warnings.push_back(fmt::format(
            "interface {} has the address {}: what this host sends from it passes no filter; `ip "
            "addr flush dev {}`",
            interface.name, join(interface.addresses, ", "), interface.name));
    return warnings;
}

}  // namespace weir::dataplane
