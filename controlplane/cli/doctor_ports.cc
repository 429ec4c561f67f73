// Checks of what a configuration names: ports, run directory, metrics' address.

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/doctor_checks.h"
#include "controlplane/cli/node_client.h"
#include "controlplane/config/parse.h"

namespace weir::controlplane::cli {
namespace {

namespace fs = std::filesystem;

bool exists(const std::string& path) {
    std::error_code problem;
    return fs::exists(path, problem);
}

/// The value of `key=` in a device string; empty if it has none.
std::string device_argument(const std::string& device, const std::string& key) {
    size_t begin = device.find(',');
    while (begin != std::string::npos) {
        const size_t end = device.find(',', begin + 1);
        const std::string part =
            device.substr(begin + 1, end == std::string::npos ? end : end - begin - 1);
        if (part.starts_with(key + "=")) return part.substr(key.size() + 1);
        begin = end;
    }
    return {};
}

std::string driver_of_pci(const std::string& address) {
    std::error_code problem;
    const fs::path link = fs::read_symlink("/sys/bus/pci/devices/" + address + "/driver", problem);
    return problem ? "" : link.filename().string();
}

Finding check_pci_port(const std::string& what, const std::string& address) {
    if (!exists("/sys/bus/pci/devices/" + address))
        return {what, Health::Wrong, fmt::format("no PCI device {}", address),
                "see 'lspci -D' for the addresses there are"};
    const std::string driver = driver_of_pci(address);
    const bool usable = driver == "vfio-pci" || driver == "uio_pci_generic" ||
                        driver == "igb_uio" || driver.starts_with("mlx");
    if (usable)
        return {what, Health::Good, fmt::format("PCI device {} on {}", address, driver), ""};
    return {
        what, Health::Wrong,
        fmt::format("PCI device {} is bound to {}", address, driver.empty() ? "no driver" : driver),
        fmt::format("dpdk-devbind.py -b vfio-pci {}", address)};
}

Finding check_port(const Config& config, const PortConfig& port) {
    const std::string what = "port " + port.name;
    const std::string device = resolve_device(config.folder, port.device.value);
    if (!device.starts_with("net_")) return check_pci_port(what, device);
    if (const std::string interface = device_argument(device, "iface"); !interface.empty()) {
        if (!exists("/sys/class/net/" + interface))
            return {what, Health::Wrong, fmt::format("no interface {}", interface),
                    "see 'ip link' for the interfaces there are"};
        return {what, Health::Good, "interface " + interface, ""};
    }
    if (const std::string capture = device_argument(device, "rx_pcap");
        !capture.empty() && access(capture.c_str(), R_OK) != 0)
        return {what, Health::Wrong, fmt::format("{}: {}", capture, std::strerror(errno)),
                "correct rx_pcap in the device's string"};
    return {what, Health::Good, "virtual device " + device, ""};
}

}  // namespace

void check_ports(const Config& config, std::vector<Finding>& findings) {
    for (const PortConfig& port : config.ports) findings.push_back(check_port(config, port));
}

Finding check_run_dir(const Config* config) {
    const std::string path =
        config == nullptr ? std::string(kDefaultRunDir) : config->run_dir.value;
    if (ask_node_in(path, "GET", "/status", "", 1000))
        return {"run_dir", config == nullptr ? Health::Note : Health::Wrong,
                path + ": a node runs there", "stop it, or give the new one a run_dir of its own"};
    fs::path nearest = path;
    while (!nearest.empty() && !exists(nearest.string()) && nearest != nearest.parent_path())
        nearest = nearest.parent_path();
    if (nearest.empty()) nearest = ".";
    if (access(nearest.c_str(), W_OK | X_OK) == 0)
        return {"run_dir", Health::Good, path + " can be used", ""};
    return {"run_dir", config == nullptr ? Health::Note : Health::Wrong,
            fmt::format("{} cannot be written", nearest.string()),
            "run as root, or set run_dir to a directory of yours"};
}

Finding check_metrics_port(const Config& config) {
    const MetricsConfig& metrics = config.metrics;
    const std::string address = fmt::format("{}:{}", metrics.host, metrics.port);
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(metrics.port);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(metrics.port);
    const bool is_v4 = inet_pton(AF_INET, metrics.host.c_str(), &v4.sin_addr) == 1;
    if (!is_v4) inet_pton(AF_INET6, metrics.host.c_str(), &v6.sin6_addr);
    const int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const auto* target =
        is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    const int status = fd < 0 ? -1 : bind(fd, target, is_v4 ? sizeof v4 : sizeof v6);
    const int listening = status == 0 ? listen(fd, 1) : -1;
    const int error = errno;
    if (fd >= 0) close(fd);
    if (status == 0 && listening == 0) return {"metrics", Health::Good, address + " is free", ""};
    return {"metrics", Health::Wrong, fmt::format("{}: {}", address, std::strerror(error)),
            "choose another metrics.listen"};
}

}  // namespace weir::controlplane::cli
