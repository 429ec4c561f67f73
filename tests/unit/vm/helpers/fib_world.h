#pragma once
// Interfaces, routes and neighbours of a small network. A network namespace of Linux 6.18 with the
// same addresses and routes gave the expected answers of fib_lookup_test.cc.

#include <arpa/inet.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "vm/helpers/fib.h"

namespace weir::vm {

inline IpAddress ip(const std::string& text) {
    std::array<uint8_t, 16> bytes{};
    const bool is_v6 = text.find(':') != std::string::npos;
    EXPECT_EQ(inet_pton(is_v6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data()), 1) << text;
    return is_v6 ? IpAddress::v6(bytes.data()) : IpAddress::v4(bytes.data());
}

inline Route route(const std::string& prefix, uint32_t ifindex, const std::string& gateway = "",
                   uint32_t metric = 0) {
    const size_t slash = prefix.find('/');
    Route made;
    made.destination = ip(prefix.substr(0, slash));
    made.prefix_bits = static_cast<uint8_t>(std::stoi(prefix.substr(slash + 1)));
    made.ifindex = ifindex;
    made.metric = metric;
    if (!gateway.empty()) made.gateway = ip(gateway);
    return made;
}

inline Route dead_end(const std::string& prefix, RouteKind kind, uint32_t metric = 0) {
    Route made = route(prefix, 0, "", metric);
    made.kind = kind;
    return made;
}

constexpr MacAddress mac(uint8_t last) {
    return {2, 0, 0, 0, 0, last};
}

inline std::vector<Route> world_routes() {
    std::vector<Route> routes = {
        route("203.0.113.0/24", 20, "198.51.100.9", 7),
        route("203.0.113.128/25", 20, "198.51.100.10", 9),
        route("203.0.113.200/32", 10, "192.0.2.9"),
        dead_end("10.1.0.0/16", RouteKind::Blackhole),
        dead_end("10.2.0.0/16", RouteKind::Unreachable),
        dead_end("10.3.0.0/16", RouteKind::Prohibit),
        route("10.5.0.0/16", 20, "2001:db8:2::9"),
        route("10.6.0.0/16", 20, "198.51.100.9"),
        route("10.7.0.0/16", 20, "", 5),
        route("10.7.0.0/16", 10, "", 6),
        route("2001:db8:9::/48", 20, "2001:db8:2::9", 77),
        route("2001:db8:9:1::/64", 10, "2001:db8:1::9", 1024),
        dead_end("2001:db8:a::/48", RouteKind::Blackhole, 1024),
        dead_end("2001:db8:b::/48", RouteKind::Unreachable, 1024),
        dead_end("2001:db8:c::/48", RouteKind::Prohibit, 1024),
        route("2001:db8:d::/48", 20, "", 5),
        route("2001:db8:d::/48", 10, "", 6),
    };
    routes[1].source = ip("192.0.2.1");
    routes[2].mtu = 900;
    routes[7].table = 100;
    routes[11].mtu = 1300;
    routes[11].source = ip("2001:db8:2::1");
    return routes;
}

inline FibSpec world() {
    FibSpec spec;
    spec.interfaces = {
        {.ifindex = 20,
         .mac = mac(0x0b),
         .mtu = 1400,
         .addresses = {{ip("198.51.100.1"), 24}, {ip("2001:db8:2::1"), 64}}},
        {.ifindex = 10,
         .mac = mac(0x0a),
         .addresses = {{ip("192.0.2.1"), 24}, {ip("2001:db8:1::1"), 64}}},
        {.ifindex = 11, .mac = mac(0x1a), .forwards_ipv4 = false, .forwards_ipv6 = false},
        {.ifindex = 21, .mac = mac(0x1b)},
    };
    spec.routes = world_routes();
    spec.neighbours = {
        {20, ip("198.51.100.9"), mac(0x99)},  {10, ip("192.0.2.9"), mac(0x19)},
        {10, ip("192.0.2.77"), mac(0x77)},    {20, ip("2001:db8:2::9"), mac(0x69)},
        {10, ip("2001:db8:1::9"), mac(0x61)},
    };
    return spec;
}

inline std::unique_ptr<const Fib> build(FibSpec spec) {
    Result<std::unique_ptr<const Fib>> fib = Fib::build(std::move(spec));
    EXPECT_TRUE(fib) << (fib ? "" : fib.error().message);
    return fib ? std::move(*fib) : nullptr;
}

}  // namespace weir::vm
