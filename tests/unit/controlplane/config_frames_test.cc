#include <gtest/gtest.h>

#include "controlplane/config/parse.h"
#include "controlplane/deploy/bundle.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

constexpr const char* kRouted = R"(version: 1
ports:
  lan: {device: "net_pcap0,rx_pcap=in.pcap", pass: wan, fail: open}
  wan: {device: net_null1, pass: lan, ifindex: 7, mtu: 1400}
routes:
  - {prefix: 10.0.0.0/8, via: 192.0.2.1, port: wan, source: 192.0.2.9, metric: 5, mtu: 1300}
  - {prefix: "2001:db8::/32", type: prohibit}
neighbours:
  - {address: "2001:db8::1", mac: "02:00:5e:10:00:0f", port: lan}
)";

Config config() {
    Result<Config> parsed = parse_config(kRouted, "/etc/weir/weir.yaml");
    EXPECT_TRUE(parsed) << parsed.error().message;
    return std::move(*parsed);
}

TEST(ConfigFrames, CarryPortsWithTheirFilesResolved) {
    const api::Configure configure = make_configure(config());
    ASSERT_EQ(configure.ports.size(), 2u);
    EXPECT_EQ(configure.ports[0].device, "net_pcap0,rx_pcap=/etc/weir/in.pcap");
    EXPECT_EQ(configure.ports[0].pass, api::PassKind::Port);
    EXPECT_EQ(configure.ports[0].pass_port, "wan");
    EXPECT_EQ(configure.ports[0].fail, api::FailMode::Open);
    EXPECT_EQ(configure.ports[1].ifindex, 7u);
    EXPECT_EQ(configure.ports[1].mtu, 1400);
}

TEST(ConfigFrames, CarryRoutesInNetworkOrder) {
    const std::vector<api::Route> routes = make_routes(config());
    ASSERT_EQ(routes.size(), 2u);
    EXPECT_EQ(routes[0].prefix, (Bytes{10, 0, 0, 0}));
    EXPECT_EQ(routes[0].length_bits, 8);
    EXPECT_EQ(routes[0].type, api::RouteType::Unicast);
    EXPECT_EQ(routes[0].ifindex, 7u);
    EXPECT_EQ(routes[0].via, (Bytes{192, 0, 2, 1}));
    EXPECT_EQ(routes[0].source, (Bytes{192, 0, 2, 9}));
    EXPECT_EQ(routes[0].metric, 5u);
    EXPECT_EQ(routes[0].table, 254u);
    EXPECT_EQ(routes[0].mtu, 1300u);
    EXPECT_EQ(routes[1].prefix.size(), 16u);
    EXPECT_EQ(routes[1].type, api::RouteType::Prohibit);
    EXPECT_EQ(routes[1].ifindex, 0u);
    EXPECT_TRUE(routes[1].via.empty());
}

TEST(ConfigFrames, CarryNeighboursByThePortsNumber) {
    const std::vector<api::Neighbour> neighbours = make_neighbours(config());
    ASSERT_EQ(neighbours.size(), 1u);
    EXPECT_EQ(neighbours[0].address.size(), 16u);
    EXPECT_EQ(neighbours[0].address[0], 0x20);
    EXPECT_EQ(neighbours[0].mac, (Bytes{0x02, 0x00, 0x5e, 0x10, 0x00, 0x0f}));
    EXPECT_EQ(neighbours[0].ifindex, 1u);
}

}  // namespace
}  // namespace weir::controlplane
