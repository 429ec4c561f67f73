#include "dataplane/device.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <regex>

#include "dataplane/device_keys.h"
#include "dataplane/inline_interface.h"
#include "dataplane/interface.h"
#include "dataplane/text.h"

namespace weir::dataplane {
namespace {

constexpr size_t kDeviceBytesMax = 512;

/// "net_ring0" -> "net_ring"; the longest driver that the name starts with and that only an
/// instance follows.
std::string_view driver_of(std::string_view name) {
    for (const std::string_view driver : virtual_drivers()) {
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

Result<void> check_pci(const Device& device) {
    if (access(("/sys/bus/pci/devices/" + device.name).c_str(), F_OK) == 0) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("there is no PCI device {}; `lspci -D` lists them", device.name));
}

/// As a client, the device needs somebody who listens when it starts.
Result<void> check_backend(const Device& device) {
    const std::string path = device.argument("path").value_or("");
    if (device.argument("server").value_or("0") == "1" || access(path.c_str(), F_OK) == 0)
        return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("path: cannot reach '{}': {}; start its other end first, or set "
                            "server=1",
                            path, std::strerror(errno)));
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

std::string Device::link_interface() const {
    if (driver != "net_tap") return interface();
    const std::string made = argument("iface").value_or("");
    return made.find('%') == std::string::npos ? made : "";
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
                                text, join(virtual_drivers(), ", ")));
    }
    auto arguments = parse_arguments(text, comma + 1);
    if (!arguments) return std::unexpected(arguments.error());
    Device device{.text = text,
                  .name = name,
                  .driver = std::string(driver),
                  .arguments = std::move(*arguments)};
    if (const Result<void> keys = check_device_keys(device); !keys)
        return std::unexpected(keys.error());
    return device;
}

Result<void> check_device(const Device& device, bool is_inline) {
    if (device.is_pci()) return check_pci(device);
    if (device.driver == "net_pcap") return check_capture(device);
    if (device.driver == "net_virtio_user") return check_backend(device);
    if (device.driver != "net_af_xdp" && device.driver != "net_af_packet") return {};
    const Result<Interface> interface = read_interface(device.interface());
    if (!interface) return std::unexpected(interface.error());
    return check_interface(device, *interface, is_inline);
}

}  // namespace weir::dataplane
