#include "dataplane/interface.h"
#include "dataplane/link_table.h"
#include "dataplane/text.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace weir::dataplane {
namespace {

std::vector<std::string> read_addresses(const std::string& name,
                                        std::vector<std::string>* all_names) {
    std::vector<std::string> addresses;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return addresses;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr) continue;
        if (entry->ifa_addr->sa_family == AF_PACKET) all_names->emplace_back(entry->ifa_name);
        if (name != entry->ifa_name) continue;
        std::array<char, INET6_ADDRSTRLEN> text{};
        if (entry->ifa_addr->sa_family == AF_INET) {
            const auto* in = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
            inet_ntop(AF_INET, &in->sin_addr, text.data(), text.size());
        } else if (entry->ifa_addr->sa_family == AF_INET6) {
            const auto* in6 = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
            if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)) continue;
            inet_ntop(AF_INET6, &in6->sin6_addr, text.data(), text.size());
        } else {
            continue;
        }
        addresses.emplace_back(text.data());
    }
    freeifaddrs(list);
    return addresses;
}

void read_by_ioctl(int fd, Interface& interface) {
    ifreq request{};
    std::strncpy(request.ifr_name, interface.name.c_str(), IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFMTU, &request) == 0)
        interface.mtu = static_cast<uint32_t>(request.ifr_mtu);
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) interface.is_up = (request.ifr_flags & IFF_UP) != 0;
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    request.ifr_data = reinterpret_cast<char*>(&info);
    if (ioctl(fd, SIOCETHTOOL, &request) == 0) interface.driver = info.driver;
}

/// A socket for questions about interfaces, closed at the end.
class Asking {
public:
    Asking() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
    ~Asking() {
        if (fd_ >= 0) close(fd_);
    }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    /// 0 or a negative errno.
    int ask(unsigned long what, ifreq& request) const {
        return ioctl(fd_, what, &request) == 0 ? 0 : -errno;
    }

private:
    int fd_;
};

ifreq request_of(const std::string& name) {
    ifreq request{};
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    return request;
}

/// The XDP program attached to an interface, 0 for none or where the kernel does not say.
uint32_t read_xdp_program(uint32_t index) {
    for (const LinkRow& link : read_links())
        if (link.index == index) return link.xdp_program_id;
    return 0;
}

}  // namespace

Result<Interface> read_interface(const std::string& name) {
    Interface interface;
    interface.name = name;
    std::vector<std::string> all_names;
    interface.addresses = read_addresses(name, &all_names);
    interface.index = name.size() < IFNAMSIZ ? if_nametoindex(name.c_str()) : 0;
    if (interface.index == 0) {
        return fail(ErrorKind::kInvalid, fmt::format("interface '{}' does not exist; there are: {}",
                                                     name, join(all_names, ", ")));
    }
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(ErrorKind::kResource,
                    fmt::format("interface {}: socket: {}", name, std::strerror(errno)));
    read_by_ioctl(fd, interface);
    close(fd);
    interface.xdp_program_id = read_xdp_program(interface.index);
    return interface;
}

uint32_t interface_index(const std::string& name) {
    return name.empty() || name.size() >= IFNAMSIZ ? 0 : if_nametoindex(name.c_str());
}

InterfaceLink read_link(const std::string& name) {
    const Asking asking;
    InterfaceLink state;
    ifreq request = request_of(name);
    if (asking.ask(SIOCGIFFLAGS, request) != 0) return state;
    const auto flags = static_cast<unsigned short>(request.ifr_flags);
    state.is_up = (flags & IFF_UP) != 0 && (flags & IFF_RUNNING) != 0;
    ethtool_cmd command{};
    command.cmd = ETHTOOL_GSET;
    request.ifr_data = reinterpret_cast<char*>(&command);
    if (asking.ask(SIOCETHTOOL, request) != 0) return state;
    const uint32_t mbps = ethtool_cmd_speed(&command);
    state.mbps = mbps == static_cast<uint32_t>(SPEED_UNKNOWN) ? 0 : mbps;
    return state;
}

int set_interface_up(const std::string& name, bool up) {
    const Asking asking;
    ifreq request = request_of(name);
    if (const int error = asking.ask(SIOCGIFFLAGS, request); error != 0) return error;
    const auto flags = static_cast<unsigned short>(request.ifr_flags);
    request.ifr_flags = static_cast<short>(up ? flags | IFF_UP : flags & ~IFF_UP);
    return asking.ask(SIOCSIFFLAGS, request);
}

}  // namespace weir::dataplane
