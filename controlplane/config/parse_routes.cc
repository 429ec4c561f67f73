// The sections `routes` and `neighbours`: what bpf_fib_lookup answers from.

#include <fmt/core.h>

#include <array>
#include <charconv>

#include "controlplane/config/parse.h"
#include "vm/base/limits.h"

namespace weir::controlplane {
namespace {

using dataplane::api::RouteType;

constexpr std::array<KnownKey, 9> kRouteKeys = {{{"prefix"},
                                                 {"via"},
                                                 {"port"},
                                                 {"ifindex"},
                                                 {"type"},
                                                 {"source"},
                                                 {"table"},
                                                 {"metric"},
                                                 {"mtu"}}};
constexpr std::array<KnownKey, 4> kNeighbourKeys = {{{"address"}, {"mac"}, {"port"}, {"ifindex"}}};

/// An address without a length, of either family or of `like`'s.
Prefix read_address(Reader& reader, const Node& node, const std::string& key, const Prefix* like) {
    const std::string expected =
        like == nullptr ? "an IPv4 or IPv6 address"
                        : fmt::format("an {} address", like->is_ipv6 ? "IPv6" : "IPv4");
    const bool has_length = node.text.find('/') != std::string::npos;
    const Result<Prefix> address = node.kind == NodeKind::Scalar && !has_length
                                       ? parse_prefix(node.text)
                                       : fail(ErrorKind::kInvalid, "");
    if (address && (like == nullptr || address->is_ipv6 == like->is_ipv6)) return *address;
    reader.refuse_value(node, key, expected);
    return {};
}

/// "02:00:00:00:00:01"
std::optional<std::array<uint8_t, 6>> parse_mac(std::string_view text) {
    constexpr size_t kOctetText = 3;  // two digits and the colon that the last one lacks
    std::array<uint8_t, 6> mac{};
    if (text.size() != mac.size() * kOctetText - 1) return std::nullopt;
    for (size_t i = 0; i < mac.size(); ++i) {
        const std::string_view octet = text.substr(i * kOctetText, 2);
        const auto [end, problem] =
            std::from_chars(octet.data(), octet.data() + octet.size(), mac[i], 16);
        if (problem != std::errc() || end != octet.data() + octet.size()) return std::nullopt;
        if (i + 1 < mac.size() && text[i * kOctetText + 2] != ':') return std::nullopt;
    }
    return mac;
}

InterfaceConfig read_interface(Reader& reader, const Node& node, const std::string& key) {
    InterfaceConfig out;
    if (const Node* port = node.find("port"))
        out.port = {reader.text(*port, key + ".port"), port->place};
    if (const Node* ifindex = node.find("ifindex"))
        out.ifindex = {
            static_cast<uint32_t>(reader.number(*ifindex, key + ".ifindex", 1, INT32_MAX)),
            ifindex->place};
    return out;
}

/// One of `port` and `ifindex`, where the entry needs one.
void check_interface(Reader& reader, const Node& node, const std::string& key, bool needed) {
    const Node* port = node.find("port");
    const Node* ifindex = node.find("ifindex");
    if (needed && port == nullptr && ifindex == nullptr)
        reader.refuse(node.place, key + ".port", "missing, expected the name of a port");
    if (port != nullptr && ifindex != nullptr)
        reader.refuse(ifindex->place, key + ".ifindex", "expected `port` or `ifindex`, not both");
    if (needed) return;
    for (const char* word : {"port", "ifindex", "via", "source", "mtu"})
        if (const Node* extra = node.find(word))
            reader.refuse(extra->place, join_key(key, word),
                          "means nothing here, expected it with `type: unicast` only");
}

void read_next_hop(Reader& reader, const Node& node, const std::string& key, RouteConfig& route) {
    check_interface(reader, node, key, route.type == RouteType::Unicast);
    route.out = read_interface(reader, node, key);
    if (const Node* via = node.find("via"))
        // An IPv6 gateway may lead to IPv4 destinations (RFC 5549), not the reverse.
        route.via = read_address(reader, *via, key + ".via",
                                 route.prefix.is_ipv6 ? &route.prefix : nullptr);
    if (const Node* source = node.find("source"))
        route.source = read_address(reader, *source, key + ".source", &route.prefix);
}

void read_numbers(Reader& reader, const Node& node, const std::string& key, RouteConfig& route) {
    // Linux keeps the machine's own addresses apart, and looks there first.
    route.table = route.type == RouteType::Local ? vm::kTableLocal : vm::kTableMain;
    if (const Node* table = node.find("table"))
        route.table = static_cast<uint32_t>(reader.number(*table, key + ".table", 1, UINT32_MAX));
    if (const Node* metric = node.find("metric"))
        route.metric =
            static_cast<uint32_t>(reader.number(*metric, key + ".metric", 0, UINT32_MAX));
    if (const Node* mtu = node.find("mtu"))
        route.mtu = static_cast<uint32_t>(reader.number(*mtu, key + ".mtu", 68, kFrameBytesMax));
}

void read_route(Reader& reader, const Node& node, const std::string& key, Config& config) {
    if (node.kind != NodeKind::Map)
        return reader.refuse_value(node, key, "a map like {prefix: 10.0.0.0/8, port: NAME}");
    if (!reader.open_map(node, key, kRouteKeys)) return;
    RouteConfig route;
    route.place = node.place;
    const Node* prefix = node.find("prefix");
    if (prefix == nullptr)
        return reader.refuse(node.place, key + ".prefix",
                             "missing, expected a prefix like 10.0.0.0/8");
    const Result<Prefix> parsed = prefix->kind == NodeKind::Scalar
                                      ? parse_prefix(prefix->text)
                                      : fail(ErrorKind::kInvalid, "a prefix like 10.0.0.0/8");
    if (!parsed) return reader.refuse_value(*prefix, key + ".prefix", parsed.error().message);
    route.prefix = *parsed;
    if (const Node* type = node.find("type"))
        route.type = reader.choice<RouteType>(*type, key + ".type",
                                              {{"unicast", RouteType::Unicast},
                                               {"local", RouteType::Local},
                                               {"blackhole", RouteType::Blackhole},
                                               {"unreachable", RouteType::Unreachable},
                                               {"prohibit", RouteType::Prohibit}});
    read_next_hop(reader, node, key, route);
    read_numbers(reader, node, key, route);
    config.routes.push_back(std::move(route));
}

void read_neighbour(Reader& reader, const Node& node, const std::string& key, Config& config) {
    constexpr const char* kMacExpected = "a MAC address like \"02:00:00:00:00:01\"";
    if (node.kind != NodeKind::Map)
        return reader.refuse_value(node, key,
                                   "a map like {address: 192.0.2.1, mac: …, port: NAME}");
    if (!reader.open_map(node, key, kNeighbourKeys)) return;
    NeighbourConfig neighbour;
    neighbour.place = node.place;
    const Node* address = node.find("address");
    if (address == nullptr)
        return reader.refuse(node.place, key + ".address", "missing, expected an address");
    neighbour.address = read_address(reader, *address, key + ".address", nullptr);
    const Node* mac = node.find("mac");
    if (mac == nullptr)
        return reader.refuse(node.place, key + ".mac",
                             fmt::format("missing, expected {}", kMacExpected));
    const std::optional<std::array<uint8_t, 6>> parsed =
        mac->kind == NodeKind::Scalar ? parse_mac(mac->text) : std::nullopt;
    if (!parsed) return reader.refuse_value(*mac, key + ".mac", kMacExpected);
    neighbour.mac = *parsed;
    check_interface(reader, node, key, true);
    neighbour.on = read_interface(reader, node, key);
    config.neighbours.push_back(std::move(neighbour));
}

template <typename ReadOne>
void read_entries(Reader& reader, const Node& node, const std::string& key, size_t count_max,
                  ReadOne read_one) {
    if (!reader.open_list(node, key)) return;
    if (node.items.size() > count_max)
        return reader.refuse(
            node.place, key,
            fmt::format("{} entries, expected at most {}", node.items.size(), count_max));
    for (size_t i = 0; i < node.items.size() && reader.ok(); ++i)
        read_one(node.items[i], fmt::format("{}[{}]", key, i));
}

}  // namespace

void read_routes(Reader& reader, const Node& node, Config& config) {
    read_entries(reader, node, "routes", kRoutesMax, [&](const Node& item, const std::string& key) {
        read_route(reader, item, key, config);
    });
}

void read_neighbours(Reader& reader, const Node& node, Config& config) {
    read_entries(reader, node, "neighbours", kNeighboursMax,
                 [&](const Node& item, const std::string& key) {
                     read_neighbour(reader, item, key, config);
                 });
}

}  // namespace weir::controlplane
