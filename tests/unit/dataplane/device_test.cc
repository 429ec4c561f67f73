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

TEST(Device, NamesWhatIsWrongWithAKey) {
    const auto refused = [](const char* text) {
        const Result<Device> device = parse_device(text);
        return device ? std::string() : device.error().message;
    };
    EXPECT_EQ(refused("net_null0,siz=64"),
              "device 'net_null0,siz=64': net_null has no key 'siz'; it has size, copy, no-rx");
    EXPECT_EQ(refused("net_null0,size=big"),
              "device 'net_null0,size=big': size=big, expected a whole number");
    EXPECT_EQ(refused("net_null0,size=64,size=65"),
              "device 'net_null0,size=64,size=65': size is there twice");
    EXPECT_EQ(refused("net_pcap0,rx_pcap=a,rx_pcap=b"), "");
    EXPECT_EQ(refused("net_memif0,role=master"),
              "device 'net_memif0,role=master': role=master, expected server or client");
    EXPECT_EQ(refused("net_memif0,zero-copy=1"),
              "device 'net_memif0,zero-copy=1': zero-copy=1, expected yes or no");
    EXPECT_EQ(refused("net_pcap0,rx_pcap=a,infinite_rx=2"),
              "device 'net_pcap0,rx_pcap=a,infinite_rx=2': infinite_rx=2, expected 0 or 1");
    EXPECT_EQ(refused("net_af_xdp0"), "device 'net_af_xdp0' needs iface=");
    EXPECT_EQ(refused("net_virtio_user0,queues=2"),
              "device 'net_virtio_user0,queues=2' needs path=");
    EXPECT_EQ(refused("net_pcap0"),
              "device 'net_pcap0' needs rx_pcap= or tx_pcap= or rx_iface= or rx_iface_in= or "
              "tx_iface= or iface=");
    EXPECT_EQ(refused("net_ring0,internal=1"),
              "device 'net_ring0,internal=1': net_ring has no key 'internal'; it has nodeaction");
    EXPECT_EQ(refused("net_virtio_user0,path=/tmp/x,server=1,queues=2,mac=02:00:00:00:00:01"), "");
    EXPECT_EQ(refused("net_tap0"), "");
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
