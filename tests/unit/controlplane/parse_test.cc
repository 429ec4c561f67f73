#include "controlplane/config/parse.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace weir::controlplane {
namespace {

constexpr const char* kWhole = R"(version: 1
run_dir: state
workers: {lcores: "2-4", idle: poll, max: 8}
memory: {hugepages: required, size: 1GiB}
jit: {harden: true, symbols: gdb}
ports:
  wan: {device: "net_pcap0,rx_pcap=in.pcap,tx_pcap=/abs/out.pcap", pass: lan, fail: open, ifindex: 2, ingress: [{program: fw}], egress: [{program: count}]}
  lan: {device: "0000:3b:00.1", pass: wan, queues: 2, mtu: 1500, promiscuous: false, rx_descriptors: 1024}
  tap: {device: net_null0, pass: drop}
programs:
  fw:
    object: objects/fw.o
    program: main
    on_fault: fail
    globals: {threshold: 1000, name: "x"}
    maps: {bad_v4: {set: feed, family: ipv4, value: 7}}
  count: {object: /abs/count.o}
maps: {fw/bad_v4: {max_entries: 100}, table: {max_entries: 5}}
sets:
  feed: {type: prefix, entries: [192.0.2.0/24, 192.0.2.0/24, 10.0.0.0/8, "2001:db8::/32"]}
metrics:
  listen: "[::1]:9464"
  export:
    - {name: x_total, type: gauge, program: fw, map: stats, value: packets, labels: {reason: key.reason, all: key}, max_series: 3}
)";

TEST(Parse, ReadsEveryKey) {
    const Result<Config> config = parse_config(kWhole, "/etc/weir/weir.yaml");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->run_dir.value, "/etc/weir/state");
    EXPECT_EQ(config->workers.lcores.value, (std::vector<uint32_t>{2, 3, 4}));
    EXPECT_EQ(config->workers.idle, dataplane::api::IdleMode::Poll);
    EXPECT_EQ(config->workers.workers_max, 8u);
    EXPECT_EQ(config->memory.hugepages, dataplane::api::HugepageMode::Required);
    EXPECT_EQ(config->memory.size_bytes, 1u << 30);
    EXPECT_TRUE(config->jit.harden);
    EXPECT_EQ(config->jit.symbols, dataplane::api::SymbolMode::Gdb);
    ASSERT_EQ(config->ports.size(), 3u);
    EXPECT_EQ(config->ports[0].fail, dataplane::api::FailMode::Open);
    EXPECT_EQ(config->ports[0].ingress[0].value, "fw");
    EXPECT_EQ(config->ports[0].egress[0].value, "count");
    EXPECT_EQ(config->ports[1].queues, 2);
    EXPECT_EQ(config->ports[1].mtu, 1500);
    EXPECT_FALSE(config->ports[1].promiscuous);
    EXPECT_EQ(config->ports[1].rx_descriptors, 1024);
    EXPECT_EQ(config->metrics.host, "::1");
    EXPECT_EQ(config->metrics.port, 9464);
    ASSERT_EQ(config->metrics.exports.size(), 1u);
    EXPECT_EQ(config->metrics.exports[0].labels[0].member, "reason");
    EXPECT_EQ(config->metrics.exports[0].labels[1].member, "");
    EXPECT_EQ(config->metrics.exports[0].series_max, 3u);
}

TEST(Parse, ReadsProgramsMapsAndSets) {
    const Result<Config> config = parse_config(kWhole, "/etc/weir/weir.yaml");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    ASSERT_EQ(config->programs.size(), 2u);
    EXPECT_EQ(config->programs[0].object.value, "/etc/weir/objects/fw.o");
    EXPECT_EQ(config->programs[0].object.place.line, 12u);
    EXPECT_EQ(config->programs[0].globals.at("threshold").value, "1000");
    EXPECT_EQ(config->programs[0].fills[0].value, 7u);
    EXPECT_EQ(config->programs[1].object.value, "/abs/count.o");
    ASSERT_EQ(config->maps.size(), 2u);
    EXPECT_EQ(config->maps[0].entries_max, 100u);
    ASSERT_EQ(config->sets.size(), 1u);
    EXPECT_EQ(config->sets[0].prefixes.size(), 3u) << "a repeated prefix counts once";
}

constexpr const char* kRouted = R"(version: 1
ports:
  lan: {device: net_null0, pass: drop}
  wan: {device: net_null1, pass: drop, ifindex: 7}
routes:
  - {prefix: 10.0.0.0/8, via: 192.0.2.1, port: wan, source: 192.0.2.9, metric: 5, mtu: 1400}
  - {prefix: "2001:db8::/32", ifindex: 1}
  - {prefix: 203.0.113.0/24, type: blackhole}
neighbours:
  - {address: 192.0.2.1, mac: "02:00:5E:10:00:0f", port: wan}
)";

TEST(Parse, ReadsRoutesAndNeighbours) {
    using dataplane::api::RouteType;
    const Result<Config> config = parse_config(kRouted, "weir.yaml");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    ASSERT_EQ(config->routes.size(), 3u);
    const RouteConfig& route = config->routes[0];
    EXPECT_EQ(to_string(route.prefix), "10.0.0.0/8");
    EXPECT_EQ(to_string(*route.via), "192.0.2.1/32");
    EXPECT_EQ(to_string(*route.source), "192.0.2.9/32");
    EXPECT_EQ(route.out.ifindex.value, 7u) << "the port's number";
    EXPECT_EQ(route.metric, 5u);
    EXPECT_EQ(route.table, 254u);
    EXPECT_EQ(route.mtu, 1400u);
    EXPECT_EQ(config->routes[1].out.ifindex.value, 1u);
    EXPECT_FALSE(config->routes[1].via.has_value());
    EXPECT_EQ(config->routes[2].type, RouteType::Blackhole);
    EXPECT_EQ(config->routes[2].out.ifindex.value, 0u);
    ASSERT_EQ(config->neighbours.size(), 1u);
    EXPECT_EQ(config->neighbours[0].mac, (std::array<uint8_t, 6>{2, 0, 0x5e, 0x10, 0, 0x0f}));
    EXPECT_EQ(config->neighbours[0].on.ifindex.value, 7u);
}

TEST(Parse, AssignsTheLowestFreeIfindexes) {
    const Result<Config> config = parse_config(kWhole, "/etc/weir/weir.yaml");
    ASSERT_TRUE(config.has_value());
    EXPECT_EQ(config->ports[0].ifindex.value, 2u);
    EXPECT_EQ(config->ports[1].ifindex.value, 1u);
    EXPECT_EQ(config->ports[2].ifindex.value, 3u);
}

TEST(Parse, ResolvesFilesOfDevices) {
    EXPECT_EQ(resolve_device("/c", "net_pcap0,rx_pcap=in.pcap,tx_pcap=/abs/out.pcap"),
              "net_pcap0,rx_pcap=/c/in.pcap,tx_pcap=/abs/out.pcap");
    EXPECT_EQ(resolve_device("/c", "net_af_xdp0,iface=veth1"), "net_af_xdp0,iface=veth1");
    EXPECT_EQ(resolve_device("/c", "0000:3b:00.0"), "0000:3b:00.0");
}

TEST(Parse, DefaultsAreThoseOfTheContract) {
    const Result<Config> config =
        parse_config("version: 1\nports: {a: {device: net_null0, pass: drop}}\n", "weir.yaml");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->run_dir.value, "/run/weir");
    EXPECT_EQ(config->workers.idle, dataplane::api::IdleMode::Adaptive);
    EXPECT_EQ(config->ports[0].fail, dataplane::api::FailMode::Closed);
    EXPECT_EQ(config->metrics.port, 0);
}

class SetFile : public testing::Test {
protected:
    Result<Config> with_file(const std::string& contents) {
        std::ofstream(folder_ / "list.txt") << contents;
        return parse_config(
            "version: 1\nports: {a: {device: net_null0, pass: drop}}\nsets: {s: {type: prefix, "
            "file: list.txt, format: cidr}}\n",
            (folder_ / "weir.yaml").string());
    }
    void SetUp() override {
        folder_ =
            std::filesystem::path(testing::TempDir()) / ("weir-set-" + std::to_string(getpid()));
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path folder_;
};

TEST_F(SetFile, SkipsCommentsAndBlanks) {
    const Result<Config> config =
        with_file("# list\n\n 192.0.2.0/24 ; SBL1\r\n10.0.0.1\n2001:db8::/32 # six\n");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->sets[0].prefixes.size(), 3u);
}

TEST_F(SetFile, NamesTheLineOfAWrongEntry) {
    const Result<Config> config = with_file("192.0.2.0/24\nnonsense\n");
    ASSERT_FALSE(config.has_value());
    EXPECT_NE(config.error().message.find("list.txt:2: value 'nonsense', expected a prefix"),
              std::string::npos)
        << config.error().message;
}

}  // namespace
}  // namespace weir::controlplane
