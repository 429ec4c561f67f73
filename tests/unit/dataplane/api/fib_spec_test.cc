#include "dataplane/api/fib_spec.h"

#include <gtest/gtest.h>

namespace weir::dataplane::api {
namespace {

const std::vector<vm::Interface> kPorts = {{.ifindex = 3, .mac = {2, 0, 0, 0, 0, 3}, .mtu = 1500}};

TEST(FibSpec, CarriesEveryFieldOfARoute) {
    const Route route{.prefix = {10, 0, 0, 0},
                      .length_bits = 8,
                      .type = RouteType::Unicast,
                      .ifindex = 3,
                      .via = {192, 0, 2, 1},
                      .source = {192, 0, 2, 9},
                      .table = 254,
                      .metric = 7,
                      .mtu = 1400};
    const Result<vm::FibSpec> spec = fib_spec({{route}}, {}, kPorts);
    ASSERT_TRUE(spec) << spec.error().message;
    ASSERT_EQ(spec->routes.size(), 1u);
    const vm::Route& made = spec->routes[0];
    EXPECT_EQ(made.destination, vm::IpAddress::v4(route.prefix.data()));
    EXPECT_EQ(made.prefix_bits, 8);
    EXPECT_EQ(made.kind, vm::RouteKind::Unicast);
    EXPECT_EQ(made.ifindex, 3u);
    EXPECT_EQ(made.gateway, vm::IpAddress::v4(route.via.data()));
    EXPECT_EQ(made.source, vm::IpAddress::v4(route.source.data()));
    EXPECT_EQ(made.table, 254u);
    EXPECT_EQ(made.metric, 7u);
    EXPECT_EQ(made.mtu, 1400u);
    EXPECT_EQ(spec->interfaces[0].ifindex, 3u);
}

TEST(FibSpec, TellsEveryTypeApart) {
    const std::pair<RouteType, vm::RouteKind> kTypes[] = {
        {RouteType::Local, vm::RouteKind::Local},
        {RouteType::Blackhole, vm::RouteKind::Blackhole},
        {RouteType::Unreachable, vm::RouteKind::Unreachable},
        {RouteType::Prohibit, vm::RouteKind::Prohibit}};
    for (const auto& [type, kind] : kTypes) {
        const Route route{.prefix = Bytes(16), .type = type, .table = 254};
        const Result<vm::FibSpec> spec = fib_spec({{route}}, {}, kPorts);
        ASSERT_TRUE(spec) << spec.error().message;
        EXPECT_EQ(spec->routes[0].kind, kind);
        EXPECT_EQ(spec->routes[0].destination.family, vm::IpFamily::V6);
        EXPECT_FALSE(spec->routes[0].gateway.has_value());
    }
}

TEST(FibSpec, NamesTheEntryWhoseAddressHasAnotherLength) {
    const Neighbour good{.address = {192, 0, 2, 1}, .mac = Bytes(6), .ifindex = 3};
    Neighbour bad = good;
    bad.mac.pop_back();
    const Result<vm::FibSpec> neighbours = fib_spec({}, {{good, bad}}, kPorts);
    ASSERT_FALSE(neighbours);
    EXPECT_EQ(neighbours.error().message, "neighbours[1].mac: 5 bytes, expected 6");
    bad = good;
    bad.address.clear();
    EXPECT_EQ(fib_spec({}, {{bad}}, kPorts).error().message,
              "neighbours[0].address: 0 bytes, expected 4 or 16");
    const Route route{.prefix = {10, 0, 0, 0}, .via = Bytes(5)};
    EXPECT_EQ(fib_spec({{route}}, {}, kPorts).error().message,
              "routes[0].via: 5 bytes, expected 4 or 16");
}

}  // namespace
}  // namespace weir::dataplane::api
