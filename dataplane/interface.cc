#include "dataplane/interface.h"
#include "dataplane/text.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
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

/// The attribute of `type` in a run of attributes, or nullptr.
const rtattr* find_attribute(const rtattr* attribute, size_t bytes, unsigned short type) {
    auto left = static_cast<unsigned int>(bytes);
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
        if ((attribute->rta_type & NLA_TYPE_MASK) == type) return attribute;
    return nullptr;
}

/// IFLA_XDP_PROG_ID out of an RTM_NEWLINK answer; 0 where it has none.
uint32_t xdp_program_of(const nlmsghdr* answer, size_t bytes) {
    if (!NLMSG_OK(answer, bytes) || answer->nlmsg_type != RTM_NEWLINK) return 0;
    const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(answer));
    const rtattr* xdp = find_attribute(IFLA_RTA(link), IFLA_PAYLOAD(answer), IFLA_XDP);
    if (xdp == nullptr) return 0;
    const auto* inner = static_cast<const rtattr*>(RTA_DATA(xdp));
    const rtattr* id = find_attribute(inner, RTA_PAYLOAD(xdp), IFLA_XDP_PROG_ID);
    if (id == nullptr || RTA_PAYLOAD(id) < sizeof(uint32_t)) return 0;
    uint32_t program = 0;
    std::memcpy(&program, RTA_DATA(id), sizeof program);
    return program;
}

/// The XDP program attached to an interface, 0 for none or where the kernel does not say.
uint32_t read_xdp_program(uint32_t index) {
    struct {
        nlmsghdr header;
        ifinfomsg link;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.link.ifi_family = AF_UNSPEC;
    request.link.ifi_index = static_cast<int>(index);
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return 0;
    alignas(nlmsghdr) std::array<uint8_t, 16384> answer;
    uint32_t program = 0;
    if (send(fd, &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request)) {
        const ssize_t bytes = recv(fd, answer.data(), answer.size(), 0);
        if (bytes > 0)
            program = xdp_program_of(reinterpret_cast<const nlmsghdr*>(answer.data()),
                                     static_cast<size_t>(bytes));
    }
    close(fd);
    return program;
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

}  // namespace weir::dataplane
