#include "dataplane/api/fib_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace weir::dataplane::api {
namespace {

std::optional<vm::IpAddress> address_of(const Bytes& bytes) {
    if (bytes.size() == 4) return vm::IpAddress::v4(bytes.data());
    if (bytes.size() == 16) return vm::IpAddress::v6(bytes.data());
    return std::nullopt;
}

std::unexpected<Error> wrong_size(std::string_view list, size_t index, std::string_view field,
                                  size_t bytes, std::string_view wanted) {
    return fail(ErrorKind::kInvalid,
                fmt::format("{}[{}].{}: {} bytes, expected {}", list, index, field, bytes, wanted));
}

Result<vm::Route> route_of(const Route& route, size_t index) {
    const auto wrong = [&](std::string_view field, const Bytes& bytes) {
        return wrong_size("routes", index, field, bytes.size(), "4 or 16");
    };
    const std::optional<vm::IpAddress> destination = address_of(route.prefix);
    if (!destination) return wrong("prefix", route.prefix);
    vm::Route made{.destination = *destination,
                   .prefix_bits = route.length_bits,
                   .kind = route.type,
                   .table = route.table,
                   .metric = route.metric,
                   .ifindex = route.ifindex,
                   .gateway = address_of(route.via),
                   .source = address_of(route.source),
                   .mtu = route.mtu};
    if (!route.via.empty() && !made.gateway) return wrong("via", route.via);
    if (!route.source.empty() && !made.source) return wrong("source", route.source);
    return made;
}

Result<vm::Neighbour> neighbour_of(const Neighbour& neighbour, size_t index) {
    const std::optional<vm::IpAddress> address = address_of(neighbour.address);
    vm::Neighbour made{.ifindex = neighbour.ifindex};
    if (!address)
        return wrong_size("neighbours", index, "address", neighbour.address.size(), "4 or 16");
    if (neighbour.mac.size() != made.mac.size())
        return wrong_size("neighbours", index, "mac", neighbour.mac.size(), "6");
    made.address = *address;
    std::copy(neighbour.mac.begin(), neighbour.mac.end(), made.mac.begin());
    return made;
}

}  // namespace

Result<vm::FibSpec> fib_spec(std::span<const Route> routes, std::span<const Neighbour> neighbours,
                             std::vector<vm::Interface> interfaces) {
    vm::FibSpec spec{.interfaces = std::move(interfaces)};
    for (const Route& route : routes) {
        Result<vm::Route> made = route_of(route, spec.routes.size());
        if (!made) return std::unexpected(made.error());
        spec.routes.push_back(std::move(*made));
    }
    for (const Neighbour& neighbour : neighbours) {
        Result<vm::Neighbour> made = neighbour_of(neighbour, spec.neighbours.size());
        if (!made) return std::unexpected(made.error());
        spec.neighbours.push_back(*made);
    }
    return spec;
}

}  // namespace weir::dataplane::api
