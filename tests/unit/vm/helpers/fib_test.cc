#include "vm/helpers/fib.h"

#include <algorithm>
#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/fib_world.h"

namespace weir::vm {
namespace {

std::string refusal(const std::function<void(FibSpec&)>& spoil) {
    FibSpec spec = world();
    spoil(spec);
    const auto fib = Fib::build(std::move(spec));
    return fib ? "" : fib.error().message;
}

TEST(Fib, RefusesWhatCannotBeMeant) {
    EXPECT_EQ(refusal([](FibSpec&) {}), "");
    EXPECT_EQ(refusal([](FibSpec& s) { s.interfaces[0].ifindex = 0; }),
              "interface 0: expected an ifindex of at least 1");
    EXPECT_EQ(refusal([](FibSpec& s) { s.interfaces[0].ifindex = 10; }),
              "an interface comes twice");
    EXPECT_EQ(refusal([](FibSpec& s) { s.interfaces[0].mtu = 67; }),
              "interface 20: mtu 67, expected 68 to 65536");
    EXPECT_EQ(refusal([](FibSpec& s) { s.interfaces[0].addresses[0].prefix_bits = 33; }),
              "interface 20: prefix length 33 of 198.51.100.1 is longer than the address");
    EXPECT_EQ(refusal([](FibSpec& s) { s.neighbours.push_back(s.neighbours[1]); }),
              "a neighbour comes twice");
    EXPECT_EQ(refusal([](FibSpec& s) { s.routes.push_back(s.routes[0]); }),
              "a route of the same prefix and metric comes twice");
}

TEST(Fib, RefusesRoutesThatLeadNowhere) {
    EXPECT_EQ(refusal([](FibSpec& s) { s.routes[0].ifindex = 5; }),
              "route 203.0.113.0/24: there is no interface 5");
    EXPECT_EQ(refusal([](FibSpec& s) { s.routes[0].prefix_bits = 33; }),
              "route 203.0.113.0/33: the prefix is longer than the address");
    EXPECT_EQ(refusal([](FibSpec& s) { s.routes[0].prefix_bits = 23; }),
              "route 203.0.113.0/23: the address has bits behind its prefix");
    EXPECT_EQ(refusal([](FibSpec& s) { s.routes[0].table = 0; }),
              "route 203.0.113.0/24: table 0, expected at least 1");
    EXPECT_EQ(refusal([](FibSpec& s) { s.routes[0].source = ip("::1"); }),
              "route 203.0.113.0/24: source 0000:0000:0000:0000:0000:0000:0000:0001 is of the "
              "other family");
    EXPECT_EQ(refusal([](FibSpec& s) { s.routes[10].gateway = ip("192.0.2.9"); }),
              "route 2001:0db8:0009:0000:0000:0000:0000:0000/48: an IPv6 route cannot have the "
              "gateway 192.0.2.9");
}

TEST(Fib, FindsInterfacesAndNeighbours) {
    const auto fib = build(world());
    ASSERT_NE(fib->interface_at(10), nullptr);
    EXPECT_EQ(fib->interface_at(10)->mac, mac(0x0a));
    EXPECT_EQ(fib->interface_at(12), nullptr);
    ASSERT_NE(fib->neighbour(20, ip("198.51.100.9")), nullptr);
    EXPECT_EQ(fib->neighbour(20, ip("198.51.100.9"))->mac, mac(0x99));
    EXPECT_EQ(fib->neighbour(10, ip("198.51.100.9")), nullptr);
    EXPECT_EQ(fib->neighbour(20, ip("c633:6409::")), nullptr) << "the same bytes as IPv6";
}

TEST(Fib, BringsTheRoutesOfAddressesAlong) {
    const auto fib = build(world());
    for (const char* local :
         {"192.0.2.1", "192.0.2.255", "127.1.2.3", "2001:db8:1::1", "2001:db8:1::"}) {
        const Route* const found = fib->route(ip(local), 0);
        ASSERT_NE(found, nullptr) << local;
        EXPECT_EQ(found->kind, RouteKind::Local) << local;
    }
    EXPECT_EQ(fib->route(ip("192.0.2.2"), 0)->ifindex, 10u);
    EXPECT_EQ(fib->route(ip("192.0.2.2"), 0)->kind, RouteKind::Unicast);
    EXPECT_EQ(fib->route(ip("192.0.3.2"), 0), nullptr);
}

TEST(Fib, PrefersRoutesAskedForOverThoseOfAddresses) {
    FibSpec spec = world();
    spec.routes.push_back(route("192.0.2.0/24", 20, "198.51.100.9"));
    EXPECT_EQ(build(spec)->route(ip("192.0.2.2"), 0)->ifindex, 20u);
}

/// The longest prefix by looking at every route.
const Route* longest_of(const std::vector<Route>& routes, const IpAddress& address) {
    const Route* best = nullptr;
    for (const Route& candidate : routes) {
        bool holds = true;
        for (uint32_t bit = 0; bit < candidate.prefix_bits; ++bit) {
            const auto mask = static_cast<uint8_t>(0x80 >> (bit % 8));
            holds &= ((candidate.destination.bytes[bit / 8] ^ address.bytes[bit / 8]) & mask) == 0;
        }
        if (holds && (best == nullptr || candidate.prefix_bits > best->prefix_bits))
            best = &candidate;
    }
    return best;
}

TEST(Fib, FindsTheLongestOfManyPrefixes) {
    std::mt19937 random(1);
    for (const IpFamily family : {IpFamily::V4, IpFamily::V6}) {
        FibSpec spec;
        spec.interfaces = {{.ifindex = 1}};
        const uint32_t bits_max = family == IpFamily::V4 ? 32 : 128;
        const auto draw = [&] {
            IpAddress address{family, {}};
            for (uint32_t i = 0; i < bits_max / 8; ++i)
                address.bytes[i] = static_cast<uint8_t>(random() % 3 == 0 ? 0xc0 : 0x80);
            return address;
        };
        for (uint32_t metric = 0; metric < 400; ++metric) {
            Route made{.destination = draw(), .ifindex = 1};
            made.prefix_bits = static_cast<uint8_t>(random() % (bits_max + 1));
            for (uint32_t bit = made.prefix_bits; bit < bits_max; ++bit)
                made.destination.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
            if (std::ranges::none_of(spec.routes, [&](const Route& row) {
                    return row.prefix_bits == made.prefix_bits &&
                           row.destination == made.destination;
                }))
                spec.routes.push_back(made);
        }
        const auto fib = build(spec);
        for (int i = 0; i < 2000; ++i) {
            const IpAddress address = draw();
            const Route* const found = fib->route_in(kTableMain, address, 0);
            const Route* const expected = longest_of(spec.routes, address);
            ASSERT_EQ(found == nullptr, expected == nullptr);
            if (found != nullptr) {
                ASSERT_EQ(found->prefix_bits, expected->prefix_bits);
            }
        }
    }
}

}  // namespace
}  // namespace weir::vm
