#include "tests/support/kernel_network.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "vm/base/check.h"

namespace weir::tests {

namespace {

using vm::IpAddress;

IpAddress address(const char* text) {
    IpAddress parsed;
    const bool is_v4 = std::string_view(text).find(':') == std::string_view::npos;
    parsed.family = is_v4 ? vm::IpFamily::V4 : vm::IpFamily::V6;
    WEIR_CHECK(inet_pton(is_v4 ? AF_INET : AF_INET6, text, parsed.bytes.data()) == 1);
    return parsed;
}

/// One route, as both sides are told it.
struct TestRoute {
    const char* destination;
    uint8_t prefix_bits;
    vm::RouteKind kind = vm::RouteKind::Unicast;
    uint32_t ifindex = 0;
    const char* gateway = nullptr;
    uint32_t mtu = 0;
    uint32_t metric = 0;
    const char* source = nullptr;
};

struct TestNeighbour {
    uint32_t ifindex;
    const char* address;
    vm::MacAddress mac;
};

constexpr vm::MacAddress kFirstMac = {2, 0, 0, 0, 0xa, 1}, kSecondMac = {2, 0, 0, 0, 0xb, 1};

// 192.168.0.1, 10.0.0.0/8 and 8.8.8.8 are where many packets of packets.cc go.
constexpr TestRoute kRoutes[] = {
    {"10.100.1.0", 24, vm::RouteKind::Unicast, kFirstIfindex, "10.100.0.2"},
    {"10.102.0.0", 16, vm::RouteKind::Unicast, kSecondIfindex, "10.101.0.9"},
    {"10.103.0.0", 16, vm::RouteKind::Blackhole},
    {"10.104.0.0", 16, vm::RouteKind::Unreachable},
    {"10.105.0.0", 16, vm::RouteKind::Prohibit},
    {"192.168.0.0", 16, vm::RouteKind::Unicast, kSecondIfindex, "10.101.0.5"},
    {"192.168.0.0", 24, vm::RouteKind::Unicast, kFirstIfindex, "10.100.0.2", 0, 100},
    {"8.8.8.0", 24, vm::RouteKind::Unicast, kSecondIfindex, "10.101.0.5", 576},
    {"10.0.0.0", 8, vm::RouteKind::Blackhole},
    {"172.16.0.0", 12, vm::RouteKind::Unicast, kFirstIfindex, nullptr, 0, 0, "10.100.0.1"},
    {"2001:db8:1::", 48, vm::RouteKind::Unicast, kSecondIfindex, "2001:db8:b::5", 0, 1024},
    {"2001:db8:2::", 48, vm::RouteKind::Blackhole, 0, nullptr, 0, 1024},
    {"2001:db8:3::", 48, vm::RouteKind::Unicast, kFirstIfindex, "2001:db8::9", 0, 1024},
};

constexpr TestNeighbour kNeighbours[] = {
    {kFirstIfindex, "10.100.0.2", {2, 0, 0, 0, 0xa, 2}},
    {kSecondIfindex, "10.101.0.5", {2, 0, 0, 0, 0xb, 5}},
    {kFirstIfindex, "2001:db8::2", {2, 0, 0, 0, 0xa, 6}},
    {kSecondIfindex, "2001:db8:b::5", {2, 0, 0, 0, 0xb, 6}},
};

const char* device(uint32_t ifindex) {
    return ifindex == kFirstIfindex ? "first" : "second";
}

std::string mac_text(const vm::MacAddress& mac) {
    std::string text;  // fmt::join under -O3 trips a false -Wstringop-overflow of GCC 12
    for (const uint8_t byte : mac) text += fmt::format("{}{:02x}", text.empty() ? "" : ":", byte);
    return text;
}

std::string route_command(const TestRoute& route) {
    std::string text = "route add ";
    if (route.kind == vm::RouteKind::Blackhole) text += "blackhole ";
    if (route.kind == vm::RouteKind::Unreachable) text += "unreachable ";
    if (route.kind == vm::RouteKind::Prohibit) text += "prohibit ";
    text += fmt::format("{}/{}", route.destination, route.prefix_bits);
    if (route.gateway != nullptr) text += fmt::format(" via {}", route.gateway);
    if (route.ifindex != 0) text += fmt::format(" dev {}", device(route.ifindex));
    if (route.source != nullptr) text += fmt::format(" src {}", route.source);
    if (route.mtu != 0) text += fmt::format(" mtu lock {}", route.mtu);
    if (route.metric != 0) text += fmt::format(" metric {}", route.metric);
    return text + "\n";
}

std::string ip_commands() {
    std::string text = fmt::format("link set lo up mtu {}\n", vm::kInterfaceMtuMax);
    for (const uint32_t ifindex : {kFirstIfindex, kSecondIfindex}) {
        const bool first = ifindex == kFirstIfindex;
        text += fmt::format(
            "link add {0} index {1} numrxqueues 4 numtxqueues 4 address {2} "
            "type veth peer name {0}_peer numrxqueues 4 numtxqueues 4\n"
            "link set {0} addrgenmode none\nlink set {0}_peer addrgenmode none\n"
            "link set {0} up\nlink set {0}_peer up\n"
            "addr add {3} dev {0}\naddr add {4} dev {0} nodad\n",
            device(ifindex), ifindex, mac_text(first ? kFirstMac : kSecondMac),
            first ? "10.100.0.1/24" : "10.101.0.1/24",
            first ? "2001:db8::1/64" : "2001:db8:b::1/64");
    }
    for (const TestRoute& route : kRoutes) text += route_command(route);
    for (const TestNeighbour& neighbour : kNeighbours)
        text += fmt::format("neigh add {} lladdr {} dev {} nud permanent\n", neighbour.address,
                            mac_text(neighbour.mac), device(neighbour.ifindex));
    return text;
}

Result<void> run(const std::string& command) {
    if (std::system(command.c_str()) == 0) return {};
    return fail(ErrorKind::kResource, fmt::format("failed: {}", command));
}

Result<void> make_network() {
    if (unshare(CLONE_NEWNET) != 0)
        return fail(ErrorKind::kResource,
                    fmt::format("a network namespace: {}", std::strerror(errno)));
    if (const auto made = run(fmt::format("ip -batch - <<'END'\n{}END\n", ip_commands())); !made)
        return made;
    // A veth takes redirected frames only while the other end has GRO on.
    return run(
        "sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && "
        "ethtool -K second_peer gro on");
}

vm::Route route_of(const TestRoute& route) {
    vm::Route made;
    made.destination = address(route.destination);
    made.prefix_bits = route.prefix_bits;
    made.kind = route.kind;
    made.metric = route.metric;
    made.ifindex = route.ifindex;
    made.mtu = route.mtu;
    if (route.gateway != nullptr) made.gateway = address(route.gateway);
    if (route.source != nullptr) made.source = address(route.source);
    return made;
}

}  // namespace

Result<void> enter_test_network() {
    static const Result<void> made = make_network();
    return made;
}

vm::FibSpec test_fib() {
    vm::FibSpec spec;
    for (const uint32_t ifindex : {kFirstIfindex, kSecondIfindex}) {
        const bool first = ifindex == kFirstIfindex;
        vm::Interface port;
        port.ifindex = ifindex;
        port.mac = first ? kFirstMac : kSecondMac;
        port.addresses = {{address(first ? "10.100.0.1" : "10.101.0.1"), 24},
                          {address(first ? "2001:db8::1" : "2001:db8:b::1"), 64}};
        spec.interfaces.push_back(std::move(port));
    }
    vm::Interface loopback;
    loopback.ifindex = kLoopbackIfindex;
    loopback.mtu = vm::kInterfaceMtuMax;
    loopback.addresses = {{address("127.0.0.1"), 8}, {address("::1"), 128}};
    spec.interfaces.push_back(std::move(loopback));
    for (const TestRoute& route : kRoutes) spec.routes.push_back(route_of(route));
    for (const TestNeighbour& neighbour : kNeighbours)
        spec.neighbours.push_back({neighbour.ifindex, address(neighbour.address), neighbour.mac});
    return spec;
}

}  // namespace weir::tests
