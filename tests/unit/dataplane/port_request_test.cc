#include "dataplane/port_request.h"

#include <gtest/gtest.h>

namespace weir::dataplane {
namespace {

api::PortConfig port(const std::string& name, const std::string& device, uint32_t ifindex) {
    api::PortConfig made;
    made.name = name;
    made.device = device;
    made.ifindex = ifindex;
    return made;
}

std::string refusal(const std::vector<api::PortConfig>& ports) {
    const auto checked = check_ports(ports);
    return checked ? "" : checked.error().message;
}

TEST(PortRequest, FindsWherePassGoes) {
    std::vector<api::PortConfig> ports = {port("wan", "net_null0", 1), port("lan", "net_null1", 2)};
    ports[0].pass = api::PassKind::Port;
    ports[0].pass_port = "lan";
    const auto checked = check_ports(ports);
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->at(0).pass_port, 1u);
    EXPECT_EQ(checked->at(1).pass_port, PortRequest::kPassDrops);
    ports[0].pass_port = "lna";
    EXPECT_EQ(refusal(ports), "ports.wan: pass: there is no port 'lna'");
}

TEST(PortRequest, PutsTheHostsEndsBehindThePorts) {
    std::vector<api::PortConfig> ports;
    for (uint32_t i = 0; i < 4; ++i) {
        ports.push_back(port("p" + std::to_string(i), "net_null" + std::to_string(i), i + 1));
        if (i % 2 == 1) ports[i].pass = api::PassKind::Kernel;
    }
    const auto checked = check_ports(ports);
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->at(1).pass_port, 4u);
    EXPECT_EQ(checked->at(3).pass_port, 5u);
    for (uint32_t i = 4; i < 31; ++i)
        ports.push_back(port("p" + std::to_string(i), "net_null" + std::to_string(i), i + 1));
    EXPECT_EQ(refusal(ports),
              "ports: 31, and 2 with pass: kernel, which count twice: expected up to 32");
}

TEST(PortRequest, FindsTheLinkThatAPortFollows) {
    std::vector<api::PortConfig> ports = {port("wan", "net_null0", 1), port("lan", "net_null1", 2)};
    EXPECT_EQ(check_ports(ports)->at(0).follow_port, LinkFollow::kNone);
    ports[0].link_follow = "lan";
    ports[1].link_follow = "wan";
    const auto checked = check_ports(ports);
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->at(0).follow_port, 1u);
    EXPECT_EQ(checked->at(1).follow_port, 0u);
    ports[0].link_follow = "lna";
    EXPECT_EQ(refusal(ports), "ports.wan: link_follow: there is no port 'lna'");
    ports[0].link_follow = "wan";
    EXPECT_EQ(refusal(ports), "ports.wan: link_follow: the port itself, expected another one");
}

TEST(PortRequest, RefusesWhatIsThereTwice) {
    const api::PortConfig first = port("wan", "net_null0", 1);
    EXPECT_EQ(refusal({first, port("wan", "net_null1", 2)}), "ports.wan: the name is there twice");
    EXPECT_EQ(refusal({first, port("lan", "net_null1", 1)}),
              "ports.lan: ifindex: port wan has 1 too");
    EXPECT_EQ(refusal({first, port("lan", "net_null0,size=80", 2)}),
              "ports.lan: device: port wan has net_null0 too");
    EXPECT_EQ(
        refusal({port("wan", "net_af_xdp0,iface=x", 1), port("lan", "net_af_xdp1,iface=x", 2)}),
        "ports.lan: device: port wan uses interface x too");
}

TEST(PortRequest, RefusesNumbersOutOfRange) {
    EXPECT_NE(refusal({}).find("expected 1 to 32"), std::string::npos);
    EXPECT_EQ(refusal({port("wan", "net_null0", 0)}), "ports.wan: ifindex: 0, expected 1 or more");
    api::PortConfig wrong = port("wan", "net_null0", 1);
    wrong.queues = 129;
    EXPECT_EQ(refusal({wrong}), "ports.wan: queues: 129, expected up to 128");
    wrong.queues = 0;
    wrong.mtu = 67;
    EXPECT_EQ(refusal({wrong}), "ports.wan: mtu: 67, expected 68 to 9600");
}

}  // namespace
}  // namespace weir::dataplane
