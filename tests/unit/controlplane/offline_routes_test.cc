#include "controlplane/cli/offline_routes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace weir::controlplane::cli {
namespace {

class OfflineRoutes : public testing::Test {
protected:
    ~OfflineRoutes() override { std::filesystem::remove(path_); }
    std::string write(const std::string& text) {
        std::ofstream(path_) << text;
        return path_;
    }
    const std::string path_ = (std::filesystem::temp_directory_path() /
                               ("weir_routes_" + std::to_string(getpid()) + ".yaml"))
                                  .string();
};

TEST_F(OfflineRoutes, TakePortsRoutesAndNeighboursOfAConfiguration) {
    const auto fib = routes_of_config(write(R"(version: 1
ports:
  lan: {device: net_null0, pass: drop, mtu: 9000}
  wan: {device: net_null1, pass: drop, ifindex: 258}
programs: {p: {object: /nowhere.o}}
routes: [{prefix: 10.0.0.0/8, via: 192.0.2.1, port: wan}]
neighbours: [{address: 192.0.2.1, mac: "02:00:00:00:00:99", port: wan}]
)"));
    ASSERT_TRUE(fib) << fib.error().message;
    const uint8_t inside[] = {10, 1, 2, 3}, outside[] = {11, 1, 2, 3}, gateway[] = {192, 0, 2, 1};
    const vm::Route* const route = (*fib)->route(vm::IpAddress::v4(inside), 0);
    ASSERT_NE(route, nullptr);
    EXPECT_EQ(route->ifindex, 258u);
    EXPECT_EQ(route->gateway, vm::IpAddress::v4(gateway));
    EXPECT_EQ((*fib)->route(vm::IpAddress::v4(outside), 0), nullptr);
    const vm::Neighbour* const next = (*fib)->neighbour(258, *route->gateway);
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->mac[5], 0x99);
    EXPECT_EQ((*fib)->interface_at(1)->mtu, 9000u);
    EXPECT_EQ((*fib)->interface_at(258)->mtu, 1500u);
    EXPECT_EQ((*fib)->interface_at(258)->mac, (vm::MacAddress{2, 0, 0, 0, 1, 2}));
}

TEST_F(OfflineRoutes, SayWhatIsWrongWithTheConfiguration) {
    const auto fib = routes_of_config(write("version: 1\nports: {}\n"));
    ASSERT_FALSE(fib);
    EXPECT_EQ(fib.error().message, path_ + ":2:8: ports: empty, expected at least one port");
}

TEST_F(OfflineRoutes, AreNoneWithoutOne) {
    const auto fib = no_routes();
    const uint8_t anywhere[] = {10, 1, 2, 3};
    EXPECT_EQ(fib->route(vm::IpAddress::v4(anywhere), 0), nullptr);
    EXPECT_EQ(fib->interface_at(1)->mtu, 65'536u);
    EXPECT_EQ(fib->interface_at(2), nullptr);
}

}  // namespace
}  // namespace weir::controlplane::cli
