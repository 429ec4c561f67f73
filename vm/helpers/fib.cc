// Per table and family one sorted row of routes for every prefix length that occurs; a look-up
// searches the lengths from the longest down. A handful of binary searches: no trie to get wrong.

#include "vm/helpers/fib.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <tuple>

namespace weir::vm {
namespace {

uint32_t address_bits(IpFamily family) {
    return family == IpFamily::V4 ? 32 : 128;
}

IpAddress masked(IpAddress address, uint32_t bits) {
    for (uint32_t i = 0; i < address.bytes.size(); ++i) {
        const uint32_t kept = bits <= 8 * i ? 0 : std::min(bits - 8 * i, 8u);
        address.bytes[i] &= static_cast<uint8_t>(0xff00u >> kept);
    }
    return address;
}

bool holds(const IpAddress& prefix, uint32_t bits, const IpAddress& address) {
    return prefix.family == address.family && masked(address, bits) == masked(prefix, bits);
}

std::string text_of(const IpAddress& address) {
    std::string text;
    const size_t bytes = address_bits(address.family) / 8;
    for (size_t i = 0; i < bytes; ++i) {
        if (address.family == IpFamily::V4) {
            text += (i == 0 ? "" : ".") + std::to_string(address.bytes[i]);
            continue;
        }
        constexpr char kDigits[] = "0123456789abcdef";
        if (i != 0 && i % 2 == 0) text += ':';
        text += kDigits[address.bytes[i] >> 4];
        text += kDigits[address.bytes[i] & 15];
    }
    return text;
}
std::string text_of(const Route& route) {
    return text_of(route.destination) + "/" + std::to_string(route.prefix_bits);
}

std::unexpected<Error> refuse(const std::string& what) {
    return fail(ErrorKind::kInvalid, what);
}

// -- checks ---------------------------------------------------------------------------------------

Result<void> check_address(const InterfaceAddress& address, const Interface& interface) {
    if (address.prefix_bits <= address_bits(address.address.family)) return {};
    return refuse("interface " + std::to_string(interface.ifindex) + ": prefix length " +
                  std::to_string(address.prefix_bits) + " of " + text_of(address.address) +
                  " is longer than the address");
}

Result<void> check_interface(const Interface& interface) {
    const std::string place = "interface " + std::to_string(interface.ifindex);
    if (interface.ifindex == 0) return refuse(place + ": expected an ifindex of at least 1");
    if (interface.mtu < kInterfaceMtuMin || interface.mtu > kInterfaceMtuMax)
        return refuse(place + ": mtu " + std::to_string(interface.mtu) + ", expected " +
                      std::to_string(kInterfaceMtuMin) + " to " + std::to_string(kInterfaceMtuMax));
    for (const InterfaceAddress& address : interface.addresses)
        if (Result<void> checked = check_address(address, interface); !checked) return checked;
    return {};
}

Result<void> check_route(const Route& route, const Fib& fib) {
    const std::string place = "route " + text_of(route);
    if (route.prefix_bits > address_bits(route.destination.family))
        return refuse(place + ": the prefix is longer than the address");
    if (masked(route.destination, route.prefix_bits) != route.destination)
        return refuse(place + ": the address has bits behind its prefix");
    if (route.table == 0) return refuse(place + ": table 0, expected at least 1");
    if (route.source && route.source->family != route.destination.family)
        return refuse(place + ": source " + text_of(*route.source) + " is of the other family");
    if (route.mtu > kInterfaceMtuMax)
        return refuse(place + ": mtu " + std::to_string(route.mtu) + ", expected at most " +
                      std::to_string(kInterfaceMtuMax));
    if (route.kind != RouteKind::Unicast) return {};
    if (fib.interface_at(route.ifindex) == nullptr)
        return refuse(place + ": there is no interface " + std::to_string(route.ifindex));
    const bool v4_over_v6 = route.gateway && route.gateway->family == IpFamily::V4 &&
                            route.destination.family == IpFamily::V6;
    if (v4_over_v6)
        return refuse(place + ": an IPv6 route cannot have the gateway " + text_of(*route.gateway));
    return {};
}

template <typename T, typename Key>
Result<void> sort_unique(std::vector<T>& rows, Key key, const char* what) {
    std::sort(rows.begin(), rows.end(), [&](const T& a, const T& b) { return key(a) < key(b); });
    const auto twice = std::adjacent_find(rows.begin(), rows.end(),
                                          [&](const T& a, const T& b) { return key(a) == key(b); });
    if (twice == rows.end()) return {};
    return refuse(std::string(what) + " comes twice");
}

// -- routes that addresses bring along
// --------------------------------------------------------------

constexpr uint32_t kMetricConnectedV6 = 256;  ///< IP6_RT_PRIO_ADDRCONF

Route local_route(const Interface& interface, const IpAddress& address) {
    Route route;
    route.destination = address;
    route.prefix_bits = static_cast<uint8_t>(address_bits(address.family));
    route.kind = RouteKind::Local;
    route.table = kTableLocal;
    route.ifindex = interface.ifindex;
    return route;
}

IpAddress broadcast_of(const InterfaceAddress& own) {
    IpAddress address = own.address;
    const IpAddress kept =
        masked(IpAddress{own.address.family, {255, 255, 255, 255}}, own.prefix_bits);
    for (size_t i = 0; i < 4; ++i)
        address.bytes[i] = static_cast<uint8_t>(address.bytes[i] | ~kept.bytes[i]);
    return address;
}

void add_address_routes(const Interface& interface, const InterfaceAddress& own,
                        std::vector<Route>& routes) {
    const bool is_v4 = own.address.family == IpFamily::V4;
    routes.push_back(local_route(interface, own.address));
    if (is_v4 && own.prefix_bits <= 30) routes.push_back(local_route(interface, broadcast_of(own)));
    if (own.prefix_bits == address_bits(own.address.family)) return;
    if (!is_v4) {  // the subnet's routers answer to its first address (RFC 4291, section 2.6.1)
        routes.push_back(local_route(interface, masked(own.address, own.prefix_bits)));
    }
    Route connected;
    connected.destination = masked(own.address, own.prefix_bits);
    connected.prefix_bits = own.prefix_bits;
    connected.ifindex = interface.ifindex;
    connected.metric = is_v4 ? 0 : kMetricConnectedV6;
    if (is_v4) connected.source = own.address;
    routes.push_back(connected);
}

/// 127.0.0.0/8 is local on every machine.
Route loopback_route() {
    Route route;
    route.destination = IpAddress{IpFamily::V4, {127}};
    route.prefix_bits = 8;
    route.kind = RouteKind::Local;
    route.table = kTableLocal;
    return route;
}

/// Without rules of one's own Linux keeps IPv4's tables local and main in one trie: the longest
/// prefix of both counts, and of the same prefix the local one.
uint32_t trie_of(uint32_t table, IpFamily family) {
    return table == kTableLocal && family == IpFamily::V4 ? kTableMain : table;
}

/// IPv6 does not insist on the interface where there is but one route of a metric.
bool leaves_by(const Route& route, uint32_t ifindex) {
    if (ifindex == 0 || route.destination.family == IpFamily::V6) return true;
    const bool leaves = route.kind == RouteKind::Unicast || route.kind == RouteKind::Local;
    return !leaves || route.ifindex == ifindex;
}

// -- source addresses -----------------------------------------------------------------------------

bool is_link_local(const IpAddress& address) {
    return address.family == IpFamily::V6 && address.bytes[0] == 0xfe &&
           (address.bytes[1] & 0xc0) == 0x80;
}

uint32_t common_bits(const IpAddress& a, const IpAddress& b) {
    for (uint32_t i = 0; i < a.bytes.size(); ++i) {
        const auto differing = static_cast<uint8_t>(a.bytes[i] ^ b.bytes[i]);
        if (differing != 0) return 8 * i + static_cast<uint32_t>(std::countl_zero(differing));
    }
    return address_bits(a.family);
}

/// inet_select_addr: the first address that shares the gateway's prefix, else the first at all.
std::optional<IpAddress> source_v4(const Interface& interface,
                                   const std::optional<IpAddress>& gateway) {
    std::optional<IpAddress> first;
    for (const InterfaceAddress& own : interface.addresses) {
        if (own.address.family != IpFamily::V4) continue;
        if (!gateway || holds(own.address, own.prefix_bits, *gateway)) return own.address;
        if (!first) first = own.address;
    }
    return first;
}

/// RFC 6724 as far as it matters here: the address itself, the right scope, the longest common
/// prefix.
std::optional<IpAddress> source_v6(const Interface& interface, const IpAddress& destination) {
    std::optional<IpAddress> best;
    std::tuple<bool, bool, uint32_t> best_rank;
    for (const InterfaceAddress& own : interface.addresses) {
        if (own.address.family != IpFamily::V6) continue;
        const std::tuple rank(own.address == destination,
                              is_link_local(own.address) == is_link_local(destination),
                              common_bits(own.address, destination));
        if (best && rank <= best_rank) continue;
        best = own.address;
        best_rank = rank;
    }
    return best;
}

}  // namespace

IpAddress IpAddress::v4(const void* four_bytes) {
    IpAddress address;
    std::memcpy(address.bytes.data(), four_bytes, 4);
    return address;
}
IpAddress IpAddress::v6(const void* sixteen_bytes) {
    IpAddress address{IpFamily::V6, {}};
    std::memcpy(address.bytes.data(), sixteen_bytes, 16);
    return address;
}

// -- building -------------------------------------------------------------------------------------

Result<std::unique_ptr<const Fib>> Fib::build(FibSpec spec) {
    if (spec.interfaces.size() > kFibInterfacesMax || spec.routes.size() > kFibRoutesMax ||
        spec.neighbours.size() > kFibNeighboursMax)
        return refuse("forwarding table: at most " + std::to_string(kFibInterfacesMax) +
                      " interfaces, " + std::to_string(kFibRoutesMax) + " routes and " +
                      std::to_string(kFibNeighboursMax) + " neighbours");
    std::unique_ptr<Fib> fib(new Fib);
    fib->interfaces_ = std::move(spec.interfaces);
    fib->neighbours_ = std::move(spec.neighbours);
    for (const Interface& interface : fib->interfaces_)
        if (Result<void> checked = check_interface(interface); !checked)
            return std::unexpected(checked.error());
    if (Result<void> sorted = sort_unique(
            fib->interfaces_, [](const Interface& row) { return row.ifindex; }, "an interface");
        !sorted)
        return std::unexpected(sorted.error());
    if (Result<void> sorted = sort_unique(
            fib->neighbours_,
            [](const Neighbour& row) { return std::pair(row.ifindex, row.address); },
            "a neighbour");
        !sorted)
        return std::unexpected(sorted.error());
    for (const Route& route : spec.routes)
        if (Result<void> checked = check_route(route, *fib); !checked)
            return std::unexpected(checked.error());
    if (Result<void> filled = fib->fill_tables(std::move(spec.routes)); !filled)
        return std::unexpected(filled.error());
    return fib;
}

Result<void> Fib::fill_tables(std::vector<Route> routes) {
    std::vector<Route> own;
    for (const Interface& interface : interfaces_)
        for (const InterfaceAddress& address : interface.addresses)
            add_address_routes(interface, address, own);
    own.push_back(loopback_route());
    const auto key = [](const Route& row) {
        return std::tuple(trie_of(row.table, row.destination.family), row.destination.family,
                          ~row.prefix_bits, row.destination, row.table != kTableLocal, row.metric);
    };
    if (Result<void> sorted = sort_unique(routes, key, "a route of the same prefix and metric");
        !sorted)
        return sorted;
    // Behind those that were asked for: of two alike the first counts.
    routes.insert(routes.end(), own.begin(), own.end());
    std::stable_sort(routes.begin(), routes.end(),
                     [&](const Route& a, const Route& b) { return key(a) < key(b); });
    for (Route& route : routes) {
        const IpFamily family = route.destination.family;
        const uint32_t trie = trie_of(route.table, family);
        if (tables_.empty() || tables_.back().number != trie || tables_.back().family != family)
            tables_.push_back({trie, family, {}});
        std::vector<Length>& lengths = tables_.back().lengths;
        if (lengths.empty() || lengths.back().prefix_bits != route.prefix_bits)
            lengths.push_back({route.prefix_bits, {}});
        lengths.back().routes.push_back(std::move(route));
    }
    return {};
}

// -- asking ---------------------------------------------------------------------------------------

const Interface* Fib::interface_at(uint32_t ifindex) const {
    const auto found = std::lower_bound(
        interfaces_.begin(), interfaces_.end(), ifindex,
        [](const Interface& row, uint32_t wanted) { return row.ifindex < wanted; });
    return found != interfaces_.end() && found->ifindex == ifindex ? &*found : nullptr;
}

const Neighbour* Fib::neighbour(uint32_t ifindex, const IpAddress& address) const {
    const std::pair wanted(ifindex, address);
    const auto key = [](const Neighbour& row) { return std::pair(row.ifindex, row.address); };
    const auto found =
        std::lower_bound(neighbours_.begin(), neighbours_.end(), wanted,
                         [&](const Neighbour& row, const auto& what) { return key(row) < what; });
    return found != neighbours_.end() && key(*found) == wanted ? &*found : nullptr;
}

const Fib::Table* Fib::table_at(uint32_t number, IpFamily family) const {
    for (const Table& table : tables_)
        if (table.number == number && table.family == family) return &table;
    return nullptr;
}

const Route* Fib::route_in(uint32_t number, const IpAddress& destination, uint32_t ifindex) const {
    const Table* const table = table_at(trie_of(number, destination.family), destination.family);
    if (table == nullptr) return nullptr;
    for (const Length& length : table->lengths) {
        const IpAddress prefix = masked(destination, length.prefix_bits);
        const auto first = std::lower_bound(
            length.routes.begin(), length.routes.end(), prefix,
            [](const Route& row, const IpAddress& wanted) { return row.destination < wanted; });
        for (auto row = first; row != length.routes.end() && row->destination == prefix; ++row)
            if (leaves_by(*row, ifindex)) return &*row;
    }
    return nullptr;
}

const Route* Fib::route(const IpAddress& destination, uint32_t ifindex) const {
    for (const uint32_t table : {kTableLocal, kTableMain, kTableDefault})
        if (const Route* const found = route_in(table, destination, ifindex)) return found;
    return nullptr;
}

std::optional<IpAddress> Fib::source_of(const Route& route, const IpAddress& destination) const {
    if (route.source) return route.source;
    const Interface* const interface = interface_at(route.ifindex);
    if (interface == nullptr) return std::nullopt;
    return destination.family == IpFamily::V4 ? source_v4(*interface, route.gateway)
                                              : source_v6(*interface, destination);
}

}  // namespace weir::vm
