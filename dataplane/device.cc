#include "dataplane/device.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <regex>

#include "dataplane/interface.h"
#include "dataplane/text.h"

namespace weir::dataplane {
namespace {

constexpr std::array<std::string_view, 8> kDrivers = {
    "net_af_packet", "net_af_xdp", "net_memif", "net_null",
    "net_pcap",      "net_ring",   "net_tap",   "net_virtio_user"};
constexpr size_t kDeviceBytesMax = 512;
constexpr uint32_t kAfPacketFrameBytes = 2048;  ///< the driver's default for framesz
/// What the kernel keeps of an af_packet frame for itself: TPACKET_V2 puts the Ethernet header at
/// offset 66 (net/packet/af_packet.c, tpacket_rcv: netoff = ALIGN16(TPACKET2_HDRLEN + 16), macoff =
/// netoff - 14).
constexpr uint32_t kAfPacketOverhead = 66;
constexpr uint32_t kEthernetHeaderBytes = 14;

/// "net_ring0" -> "net_ring"; the longest driver that the name starts with and that only an
/// instance follows.
std::string_view driver_of(std::string_view name) {
    for (const std::string_view driver : kDrivers) {
        if (!name.starts_with(driver)) continue;
        const std::string_view rest = name.substr(driver.size());
        if (rest.empty() || rest[0] == '_' || std::isdigit(static_cast<unsigned char>(rest[0])))
            return driver;
    }
    return {};
}

Result<std::vector<std::pair<std::string, std::string>>> parse_arguments(const std::string& text,
                                                                         size_t at) {
    std::vector<std::pair<std::string, std::string>> arguments;
    while (at < text.size()) {
        const size_t end = std::min(text.find(',', at), text.size());
        const std::string part = text.substr(at, end - at);
        const size_t equals = part.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(ErrorKind::kInvalid,
                        fmt::format("device '{}': '{}' is no KEY=VALUE", text, part));
        }
        arguments.emplace_back(part.substr(0, equals), part.substr(equals + 1));
        at = end + 1;
    }
    return arguments;
}

Result<void> check_capture(const Device& device) {
    for (const auto& [key, value] : device.arguments) {
        if (key != "rx_pcap" || access(value.c_str(), R_OK) == 0) continue;
        return fail(ErrorKind::kInvalid,
                    fmt::format("rx_pcap: cannot read '{}': {}", value, std::strerror(errno)));
    }
    return {};
}

uint32_t af_packet_frame_bytes(const Device& device) {
    uint32_t bytes = kAfPacketFrameBytes;
    if (const auto text = device.argument("framesz"))
        std::from_chars(text->data(), text->data() + text->size(), bytes);
    return bytes;
}

Result<void> check_af_packet(const Device& device, const Interface& interface, bool is_inline) {
    const uint32_t frame_bytes = af_packet_frame_bytes(device);
    const uint32_t overhead = kAfPacketOverhead + kEthernetHeaderBytes;
    const uint32_t mtu_max = frame_bytes > overhead ? frame_bytes - overhead : 0;
    if (interface.mtu > mtu_max) {
        return fail(
            ErrorKind::kInvalid,
            fmt::format("interface {} has MTU {}, but frames of net_af_packet with framesz={} hold "
                        "{}: frames would be "
                        "cut; `ip link set dev {} mtu {}`, or a larger framesz (and blocksz)",
                        interface.name, interface.mtu, frame_bytes, mtu_max, interface.name,
                        mtu_max));
    }
    if (!is_inline || interface.addresses.empty()) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("interface {} has the address {}: with net_af_packet the host's own "
                            "stack would answer beside the "
                            "filter; `ip addr flush dev {} && sysctl -w "
                            "net.ipv6.conf.{}.disable_ipv6=1`, or use net_af_xdp",
                            interface.name, join(interface.addresses, ", "), interface.name,
                            interface.name));
}

}  // namespace

std::optional<std::string> Device::argument(std::string_view key) const {
    for (const auto& [name_, value] : arguments) {
        if (name_ == key) return value;
    }
    return std::nullopt;
}

std::string Device::interface() const {
    if (driver != "net_af_xdp" && driver != "net_af_packet") return {};
    return argument("iface").value_or("");
}

bool Device::is_finite() const {
    return driver == "net_pcap" && argument("rx_pcap").has_value() &&
           argument("infinite_rx").value_or("0") == "0";
}

bool Device::waits_for_room() const {
    return driver == "net_memif" || driver == "net_null" || driver == "net_pcap" ||
           driver == "net_ring";
}

Result<Device> parse_device(const std::string& text) {
    static const std::regex kPci("([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7]");
    if (text.empty() || text.size() > kDeviceBytesMax) {
        return fail(ErrorKind::kInvalid, fmt::format("device has {} bytes, expected 1 to {}",
                                                     text.size(), kDeviceBytesMax));
    }
    if (std::regex_match(text, kPci)) {
        return Device{.text = text,
                      .name = text.size() == 7 ? "0000:" + text : text,
                      .driver = {},
                      .arguments = {}};
    }
    const size_t comma = std::min(text.find(','), text.size());
    const std::string name = text.substr(0, comma);
    const std::string_view driver = driver_of(name);
    if (driver.empty()) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("device '{}' is neither a PCI address nor a known driver ({})",
                                text, join(kDrivers, ", ")));
    }
    auto arguments = parse_arguments(text, comma + 1);
    if (!arguments) return std::unexpected(arguments.error());
    return Device{.text = text,
                  .name = name,
                  .driver = std::string(driver),
                  .arguments = std::move(*arguments)};
}

Result<void> check_device(const Device& device, bool is_inline) {
    if (device.driver == "net_pcap") return check_capture(device);
    if (device.driver != "net_af_xdp" && device.driver != "net_af_packet") return {};
    if (device.interface().empty()) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("device '{}' needs iface=INTERFACE", device.text));
    }
    const Result<Interface> interface = read_interface(device.interface());
    if (!interface) return std::unexpected(interface.error());
    if (device.driver == "net_af_packet") return check_af_packet(device, *interface, is_inline);
    return {};
}

}  // namespace weir::dataplane
