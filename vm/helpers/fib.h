#pragma once
// The forwarding table that bpf_fib_lookup and bpf_check_mtu answer from: interfaces, routes and
// neighbours as the configuration gives them. Built once, never changed, read by any thread without
// lock or allocation. Meaning: Linux' fib_table_lookup (net/ipv4/fib_trie.c), fib6_table_lookup
// (net/ipv6/route.c), without rules beyond the standing ones, multipath, VRFs and tunnels.

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "vm/base/result.h"

namespace weir::vm {

enum class IpFamily : uint8_t { V4, V6 };

struct IpAddress {
    IpFamily family = IpFamily::V4;
    std::array<uint8_t, 16> bytes{};  ///< network order; IPv4 in the first four, zeroes behind

    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
    static IpAddress v4(const void* four_bytes);
    static IpAddress v6(const void* sixteen_bytes);
};

using MacAddress = std::array<uint8_t, 6>;

struct InterfaceAddress {
    IpAddress address;
    uint8_t prefix_bits = 0;
};

/// A port as routing sees it. Its addresses bring their local and connected routes with them, as
/// in Linux.
struct Interface {
    uint32_t ifindex = 0;
    MacAddress mac{};
    uint32_t mtu = 1500;
    bool forwards_ipv4 = true;
    bool forwards_ipv6 = true;
    std::vector<InterfaceAddress> addresses;
};

/// Frames of the command socket carry these numbers.
enum class RouteKind : uint8_t { Unicast, Local, Blackhole, Unreachable, Prohibit };

constexpr uint32_t kTableDefault = 253, kTableMain = 254, kTableLocal = 255;

struct Route {
    IpAddress destination;
    uint8_t prefix_bits = 0;
    RouteKind kind = RouteKind::Unicast;
    uint32_t table = kTableMain;
    uint32_t metric = 0;
    uint32_t ifindex = 0;              ///< where unicast goes
    std::optional<IpAddress> gateway;  ///< of an IPv4 route also an IPv6 one
    std::optional<IpAddress> source;   ///< preferred source address
    uint32_t mtu = 0;                  ///< as "mtu lock N"; 0: the interface's
};

struct Neighbour {
    uint32_t ifindex = 0;
    IpAddress address;
    MacAddress mac{};
};

struct FibSpec {
    std::vector<Interface> interfaces;
    std::vector<Route> routes;
    std::vector<Neighbour> neighbours;
};

constexpr size_t kFibRoutesMax = 1u << 20, kFibNeighboursMax = 1u << 20, kFibInterfacesMax = 4096;
constexpr uint32_t kInterfaceMtuMin = 68, kInterfaceMtuMax = 65'536;  ///< RFC 791; the loopback

class Fib {
public:
    /// Refuses prefixes longer than the address, host bits behind the prefix, routes over unknown
    /// interfaces, gateways and sources of the wrong family, MTUs out of range, and what comes
    /// twice: interfaces, neighbours, routes of the same prefix, table and metric.
    static Result<std::unique_ptr<const Fib>> build(FibSpec spec);

    /// nullptr: unknown.
    const Interface* interface_at(uint32_t ifindex) const;
    const Neighbour* neighbour(uint32_t ifindex, const IpAddress& address) const;

    /// The longest prefix that holds `destination`, of the lowest metric, or nullptr. With an
    /// `ifindex` (0: any) IPv4 takes only routes that leave there.
    const Route* route_in(uint32_t table, const IpAddress& destination, uint32_t ifindex) const;
    /// The same through the standing rules: tables local, main, and for IPv4 default.
    const Route* route(const IpAddress& destination, uint32_t ifindex) const;
    /// What a packet to `destination` by `route` would carry as its source; nullopt: none fits.
    std::optional<IpAddress> source_of(const Route& route, const IpAddress& destination) const;

private:
    /// Routes of one prefix length; `routes` sorted by prefix, then metric.
    struct Length {
        uint8_t prefix_bits = 0;
        std::vector<Route> routes;
    };
    struct Table {
        uint32_t number = 0;
        IpFamily family = IpFamily::V4;
        std::vector<Length> lengths;  ///< longest first
    };

    Fib() = default;
    Result<void> fill_tables(std::vector<Route> routes);
    const Table* table_at(uint32_t number, IpFamily family) const;

    std::vector<Interface> interfaces_;  ///< sorted by ifindex
    std::vector<Neighbour> neighbours_;  ///< sorted by ifindex and address
    std::vector<Table> tables_;          ///< sorted by number and family
};

}  // namespace weir::vm
