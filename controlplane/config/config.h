#pragma once
// What a configuration file says, typed, with the place of every value that a later stage may have
// to complain about.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/config/document.h"
#include "controlplane/config/prefix.h"
#include "dataplane/api/messages.h"

namespace weir::controlplane {

constexpr uint32_t kPortsMax = 256;
constexpr uint32_t kProgramsMax = 512;
constexpr uint32_t kChainProgramsMax = 64;
constexpr uint32_t kSetEntriesMax = 4u << 20;
constexpr uint32_t kRoutesMax = 65'536;
constexpr uint32_t kNeighboursMax = 65'536;
constexpr uint32_t kExportsMax = 256;
constexpr uint32_t kSeriesMax = 65'536;  ///< of one exported map

template <typename T>
struct At {
    T value{};
    Place place;
};

struct WorkersConfig {
    At<std::vector<uint32_t>> lcores;
    dataplane::api::IdleMode idle = dataplane::api::IdleMode::Adaptive;
    uint32_t workers_max = 0;  ///< 0: as many as lcores
};

struct MemoryConfig {
    dataplane::api::HugepageMode hugepages = dataplane::api::HugepageMode::Auto;
    uint64_t size_bytes = 512u << 20;
};

struct JitConfig {
    bool harden = false;
    dataplane::api::SymbolMode symbols = dataplane::api::SymbolMode::None;
};

struct PortConfig {
    std::string name;
    Place place;
    At<std::string> device;
    At<std::string> pass;  ///< "kernel", "drop" or a port's name
    dataplane::api::FailMode fail = dataplane::api::FailMode::Closed;
    At<uint32_t> ifindex;  ///< 0: to be assigned
    uint16_t queues = 1;
    uint16_t mtu = 0;
    uint16_t rx_descriptors = 0;
    bool promiscuous = true;
    bool allmulticast = false;
    dataplane::api::Distribution distribution = dataplane::api::Distribution::Auto;
    At<std::string> link_follow;                   ///< a port's name; empty: none
    uint64_t chain_budget_ns = 0;                  ///< 0: no bound
    std::vector<At<std::string>> ingress, egress;  ///< names of programs
};

enum class Family : uint8_t { Ipv4, Ipv6 };

/// `maps: {MAP: {set: NAME, family: ipv4, value: 1}}` of a program: the map holds the set's
/// prefixes.
struct MapFill {
    std::string map;
    Place place;
    At<std::string> set;
    Family family = Family::Ipv4;
    uint64_t value = 1;
};

struct ProgramConfig {
    std::string name;
    Place place;
    At<std::string> object;    ///< absolute, or relative to the working directory
    At<std::string> function;  ///< empty: the object's only program
    std::string btf;           ///< types for CO-RE; empty: the running kernel's
    std::map<std::string, At<std::string>> globals;
    std::vector<MapFill> fills;
    bool skip_on_fault = false;
};

struct MapConfig {
    std::string name;  ///< PROGRAM/MAP, or MAP: of every program that has one
    Place place;
    uint32_t entries_max = 0;  ///< 0: the object's
    std::optional<At<dataplane::api::Persistence>> persistence;
    At<std::string> shared_with;  ///< PROGRAM/MAP that it is; empty: a map of its own
    At<std::string> from;  ///< the set that a map which is made anew starts with; empty: none
};

struct SetConfig {
    std::string name;
    Place place;
    std::vector<Prefix> prefixes;  ///< sorted, unique; a file is read already
    std::string file;
};

/// `port: NAME` or `ifindex: N`; check_references makes the number of either.
struct InterfaceConfig {
    At<std::string> port;
    At<uint32_t> ifindex;
};

struct RouteConfig {
    Place place;
    Prefix prefix;
    dataplane::api::RouteType type = dataplane::api::RouteType::Unicast;
    InterfaceConfig out;        ///< of a unicast route
    std::optional<Prefix> via;  ///< the gateway; nothing: the destination is a neighbour itself
    std::optional<Prefix> source;
    uint32_t table = 0;   ///< Linux' number: main is 254, local 255
    uint32_t metric = 0;  ///< of two routes to one prefix the smaller counts
    uint32_t mtu = 0;     ///< 0: the port's
};

struct NeighbourConfig {
    Place place;
    Prefix address;
    std::array<uint8_t, 6> mac{};
    InterfaceConfig on;
};

enum class MetricType : uint8_t { Counter, Gauge };

/// A label's value is the whole key, or a member of it.
struct ExportLabel {
    std::string name;
    std::string member;  ///< empty: the whole key
    Place place;
};

struct ExportConfig {
    std::string name;
    Place place;
    MetricType type = MetricType::Counter;
    At<std::string> program;
    At<std::string> map;
    At<std::string> value;  ///< member of the map's value; empty: the whole value
    std::vector<ExportLabel> labels;
    uint32_t series_max = 64;
};

struct MetricsConfig {
    std::string host;  ///< empty: no listener
    uint16_t port = 0;
    std::vector<ExportConfig> exports;
};

struct Config {
    std::string file;    ///< as given, for messages
    std::string folder;  ///< of the file: what relative paths start from
    std::string text;
    At<std::string> run_dir;
    WorkersConfig workers;
    MemoryConfig memory;
    JitConfig jit;
    std::vector<PortConfig> ports;  ///< in file order, as the next three
    std::vector<ProgramConfig> programs;
    std::vector<MapConfig> maps;
    std::vector<SetConfig> sets;
    std::vector<RouteConfig> routes;  ///< what bpf_fib_lookup answers from
    std::vector<NeighbourConfig> neighbours;
    MetricsConfig metrics;

    const PortConfig* find_port(std::string_view name) const;
    const ProgramConfig* find_program(std::string_view name) const;
    const SetConfig* find_set(std::string_view name) const;
};

}  // namespace weir::controlplane
