#include "dataplane/device.h"

#include <gtest/gtest.h>

namespace weir::dataplane {
namespace {

TEST(Device, TakesAVdevStringApart) {
    const Result<Device> device = parse_device("net_af_xdp0,iface=veth1,start_queue=1");
    ASSERT_TRUE(device);
    EXPECT_EQ(device->name, "net_af_xdp0");
    EXPECT_EQ(device->driver, "net_af_xdp");
    EXPECT_EQ(device->interface(), "veth1");
    EXPECT_EQ(device->argument("start_queue"), "1");
    EXPECT_FALSE(device->argument("queue_count"));
    EXPECT_FALSE(device->is_pci());
}

TEST(Device, KnowsPciAddressesWithAndWithoutDomain) {
    EXPECT_EQ(parse_device("3b:00.1")->name, "0000:3b:00.1");
    EXPECT_TRUE(parse_device("0000:3b:00.1")->is_pci());
    EXPECT_FALSE(parse_device("0000:3b:00.9"));
}

TEST(Device, RefusesUnknownDriversAndArgumentsWithoutValue) {
    for (const char* text :
         {"", "eth0", "net_nul0", "net_nullx0", "net_pcap0,rx_pcap", "net_pcap0,=x"}) {
        EXPECT_FALSE(parse_device(text)) << text;
    }
    EXPECT_NE(parse_device("eth0").error().message.find("net_af_packet, net_af_xdp"),
              std::string::npos);
}

TEST(Device, OnlyACaptureThatIsNotRepeatedEnds) {
    EXPECT_TRUE(parse_device("net_pcap0,rx_pcap=a.pcap")->is_finite());
    EXPECT_FALSE(parse_device("net_pcap0,rx_pcap=a.pcap,infinite_rx=1")->is_finite());
    EXPECT_FALSE(parse_device("net_pcap0,tx_pcap=a.pcap")->is_finite());
    EXPECT_FALSE(parse_device("net_null0")->is_finite());
}

TEST(Device, RefusesWhatTheMachineDoesNotHave) {
    const auto refused = [](const char* text) {
        const Result<void> checked = check_device(*parse_device(text), true);
        return checked ? std::string() : checked.error().message;
    };
    EXPECT_NE(refused("net_af_xdp0").find("needs iface="), std::string::npos);
    EXPECT_NE(refused("net_af_xdp0,iface=nowhere9").find("'nowhere9' does not exist"),
              std::string::npos);
    EXPECT_NE(
        refused("net_pcap0,rx_pcap=/nonexistent.pcap").find("cannot read '/nonexistent.pcap'"),
        std::string::npos);
    EXPECT_NE(refused("net_af_packet0,iface=lo").find("interface lo has "), std::string::npos);
    EXPECT_EQ(refused("net_null0"), "");
}

}  // namespace
}  // namespace weir::dataplane
