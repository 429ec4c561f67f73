#include "dataplane/port_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "dataplane/counters.h"
#include "dataplane/inline_interface.h"
#include "vm/base/limits.h"

namespace weir::dataplane {
namespace {

constexpr uint16_t kMtuMin = 68;  ///< RFC 791
constexpr uint16_t kQueuesMax = 128;
constexpr uint16_t kDescriptorsMax = 32768;

Result<uint32_t> pass_target(const std::vector<api::PortConfig>& ports,
                             const api::PortConfig& port) {
    // Hosts' ends stand behind the ports, in the same order.
    const auto host_end = [&] {
        auto end = static_cast<uint32_t>(ports.size());
        for (const api::PortConfig& before : ports) {
            if (before.name == port.name) break;
            end += before.pass == api::PassKind::Kernel;
        }
        return end;
    };
    switch (port.pass) {
        case api::PassKind::Drop: return PortRequest::kPassDrops;
        case api::PassKind::Kernel: return host_end();
        case api::PassKind::Port: break;
    }
    for (uint32_t i = 0; i < ports.size(); ++i) {
        if (ports[i].name == port.pass_port) return i;
    }
    return fail(ErrorKind::kInvalid, fmt::format("pass: there is no port '{}'", port.pass_port));
}

Result<uint32_t> follow_target(const std::vector<api::PortConfig>& ports,
                               const api::PortConfig& port) {
    if (port.link_follow.empty()) return LinkFollow::kNone;
    if (port.link_follow == port.name)
        return fail(ErrorKind::kInvalid, "link_follow: the port itself, expected another one");
    for (uint32_t i = 0; i < ports.size(); ++i) {
        if (ports[i].name == port.link_follow) return i;
    }
    return fail(ErrorKind::kInvalid,
                fmt::format("link_follow: there is no port '{}'", port.link_follow));
}

Result<void> check_numbers(const api::PortConfig& port) {
    if (port.ifindex == 0) return fail(ErrorKind::kInvalid, "ifindex: 0, expected 1 or more");
    if (port.queues > kQueuesMax) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("queues: {}, expected up to {}", port.queues, kQueuesMax));
    }
    if (port.mtu != 0 && (port.mtu < kMtuMin || port.mtu > kFrameBytesMax)) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("mtu: {}, expected {} to {}", port.mtu, kMtuMin, kFrameBytesMax));
    }
    if (port.rx_descriptors > kDescriptorsMax) {
        return fail(ErrorKind::kInvalid, fmt::format("rx_descriptors: {}, expected up to {}",
                                                     port.rx_descriptors, kDescriptorsMax));
    }
    return {};
}

/// What two ports may not share.
Result<void> check_pair(const PortRequest& earlier, const PortRequest& later) {
    const std::string& name = earlier.config.name;
    if (name == later.config.name) return fail(ErrorKind::kInvalid, "the name is there twice");
    if (earlier.config.ifindex == later.config.ifindex) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("ifindex: port {} has {} too", name, later.config.ifindex));
    }
    if (earlier.device.name == later.device.name) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("device: port {} has {} too", name, later.device.name));
    }
    const std::string interface = later.device.interface();
    if (interface.empty() || earlier.device.interface() != interface) return {};
    if (earlier.device.argument("start_queue") != later.device.argument("start_queue")) return {};
    return fail(ErrorKind::kInvalid,
                fmt::format("device: port {} uses interface {} too", name, interface));
}

Result<PortRequest> check_port(const std::vector<api::PortConfig>& ports,
                               const api::PortConfig& port) {
    if (port.name.empty() || port.name.size() > kNameBytesMax) {
        return fail(ErrorKind::kInvalid, fmt::format("a name of {} bytes, expected 1 to {}",
                                                     port.name.size(), kNameBytesMax));
    }
    if (const Result<void> numbers = check_numbers(port); !numbers)
        return std::unexpected(numbers.error());
    const Result<uint32_t> pass = pass_target(ports, port);
    if (!pass) return std::unexpected(pass.error());
    const Result<uint32_t> follow = follow_target(ports, port);
    if (!follow) return std::unexpected(follow.error());
    Result<Device> device = parse_device(port.device);
    if (!device) return std::unexpected(device.error());
    return PortRequest{
        .config = port, .device = std::move(*device), .pass_port = *pass, .follow_port = *follow};
}

}  // namespace

Result<std::vector<PortRequest>> check_ports(const std::vector<api::PortConfig>& ports) {
    if (ports.empty() || ports.size() > Counters::kPortsMax) {
        return fail(ErrorKind::kInvalid, fmt::format("ports: {} of them, expected 1 to {}",
                                                     ports.size(), Counters::kPortsMax));
    }
    const auto to_host = std::ranges::count(ports, api::PassKind::Kernel, &api::PortConfig::pass);
    if (ports.size() + static_cast<size_t>(to_host) > Counters::kPortsMax) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("ports: {}, and {} with pass: kernel, which count twice: expected "
                                "up to {}",
                                ports.size(), to_host, Counters::kPortsMax));
    }
    std::vector<PortRequest> requests;
    for (const api::PortConfig& port : ports) {
        const std::string place = "ports." + port.name;
        Result<PortRequest> request = check_port(ports, port);
        if (!request) return fail_in(place, request.error());
        for (const PortRequest& earlier : requests) {
            if (const Result<void> pair = check_pair(earlier, *request); !pair)
                return fail_in(place, pair.error());
        }
        requests.push_back(std::move(*request));
    }
    std::vector<const Device*> devices;
    for (const PortRequest& request :
         requests) {  // the machine is asked last, so that what is wrong in the words is said first
        const Result<void> device =
            check_device(request.device, request.pass_port != PortRequest::kPassDrops);
        if (!device) return fail_in("ports." + request.config.name, device.error());
        devices.push_back(&request.device);
    }
    if (const Result<void> read = check_receive_queues(devices); !read)
        return fail_in("ports", read.error());
    return requests;
}

}  // namespace weir::dataplane
