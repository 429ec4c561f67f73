// bpf_fib_lookup and bpf_check_mtu: net/core/filter.c, bpf_ipv4_fib_lookup, bpf_ipv6_fib_lookup and
// bpf_xdp_check_mtu, with Fib in place of the kernel's tables. What the kernel has written into the
// parameters when it gives up stands there too.

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vm/helpers/fib.h"
#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

constexpr uint32_t kDirect = 1, kOutput = 2, kSkipNeighbour = 4, kTableId = 8, kSource = 16,
                   kMark = 32;
constexpr uint32_t kFlagsMask = kDirect | kOutput | kSkipNeighbour | kTableId | kSource | kMark;

/// BPF_FIB_LKUP_RET_*; UNSUPP_LWT (6) cannot happen: routes carry no encapsulation.
enum class FibAnswer : uint8_t {
    Success = 0,
    Blackhole = 1,
    Unreachable = 2,
    Prohibit = 3,
    NotForwarded = 4,
    ForwardingDisabled = 5,
    NoNeighbour = 7,
    FragmentationNeeded = 8,
    NoSourceAddress = 9,
};

constexpr uint32_t kEthernetBytes = 14;
constexpr uint32_t kMtuMaxV4 = 0xffff;       ///< IP_MAX_MTU
constexpr uint32_t kMtuMinV6 = 1280;         ///< RFC 8200, section 5
constexpr uint32_t kMtuMaxV6 = 0xffff + 40;  ///< IP6_MAX_MTU

/// struct bpf_fib_lookup.
struct FibParameters {
    uint8_t family;
    uint8_t l4_protocol;
    uint16_t source_port_be;
    uint16_t destination_port_be;
    uint16_t total_length;  ///< out: the MTU
    uint32_t ifindex;
    uint32_t tos;  ///< out: the route's metric
    std::array<uint8_t, 16> source;
    std::array<uint8_t, 16> destination;
    uint32_t table;  ///< out: VLAN protocol and TCI, always 0
    MacAddress source_mac;
    MacAddress destination_mac;
};
static_assert(sizeof(FibParameters) == 64);

struct Lookup {
    const Fib& fib;
    FibParameters& parameters;
    uint32_t flags;
    IpFamily family;

    bool has(uint32_t flag) const { return (flags & flag) != 0; }
    IpAddress destination() const {
        return family == IpFamily::V4 ? IpAddress::v4(parameters.destination.data())
                                      : IpAddress::v6(parameters.destination.data());
    }
    void set(std::array<uint8_t, 16>& field, const IpAddress& address) const {
        const size_t bytes = address.family == IpFamily::V4 ? 4 : 16;
        std::memcpy(field.data(), address.bytes.data(), bytes);
    }
};

/// rt6_need_strict: multicast, link-local and loopback addresses are never forwarded.
bool stays_on_link(const std::array<uint8_t, 16>& address) {
    constexpr std::array<uint8_t, 16> kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const bool link_local = address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
    return address[0] == 0xff || link_local || address == kLoopback;
}

const Route* find_route(const Lookup& lookup) {
    const uint32_t leaves_by = lookup.has(kOutput) ? lookup.parameters.ifindex : 0;
    if (!lookup.has(kDirect)) return lookup.fib.route(lookup.destination(), leaves_by);
    uint32_t table = kTableMain;
    if (lookup.has(kTableId)) {
        table = lookup.parameters.table;
        lookup.parameters.table = 0;
    }
    return lookup.fib.route_in(table, lookup.destination(), leaves_by);
}

FibAnswer answer_of(const Route* route) {
    if (route == nullptr) return FibAnswer::NotForwarded;
    switch (route->kind) {
        case RouteKind::Unicast: return FibAnswer::Success;
        case RouteKind::Local: return FibAnswer::NotForwarded;
        case RouteKind::Blackhole: return FibAnswer::Blackhole;
        case RouteKind::Unreachable: return FibAnswer::Unreachable;
        case RouteKind::Prohibit: return FibAnswer::Prohibit;
    }
    return FibAnswer::NotForwarded;
}

uint32_t mtu_of(const Route& route, const Interface& out, IpFamily family) {
    if (route.mtu != 0) return route.mtu;
    if (family == IpFamily::V4) return std::min(out.mtu, kMtuMaxV4);
    return std::min(std::max(out.mtu, kMtuMinV6), kMtuMaxV6);
}

/// False where a v6 packet has no source address to leave with; IPv4 leaves with 0.0.0.0 then.
bool write_source(const Lookup& lookup, const Route& route, const IpAddress& destination) {
    const std::optional<IpAddress> source = lookup.fib.source_of(route, destination);
    if (!source && lookup.family == IpFamily::V6) return false;
    lookup.set(lookup.parameters.source, source.value_or(IpAddress{}));
    return true;
}

FibAnswer write_neighbour(const Lookup& lookup, const Interface& out, const IpAddress& next_hop) {
    const Neighbour* const neighbour = lookup.fib.neighbour(out.ifindex, next_hop);
    if (neighbour == nullptr) return FibAnswer::NoNeighbour;
    lookup.parameters.destination_mac = neighbour->mac;
    lookup.parameters.source_mac = out.mac;
    return FibAnswer::Success;
}

/// From the route on: the MTU's check, then next hop, interface and metric, then the rest.
FibAnswer forward(const Lookup& lookup, const Route& route) {
    FibParameters& parameters = lookup.parameters;
    const Interface& out = *lookup.fib.interface_at(route.ifindex);
    const IpAddress destination = lookup.destination();
    const uint32_t mtu = mtu_of(route, out, lookup.family);
    if (parameters.total_length > mtu) {
        parameters.total_length = static_cast<uint16_t>(mtu);
        return FibAnswer::FragmentationNeeded;
    }
    parameters.tos = route.metric;
    parameters.ifindex = route.ifindex;
    const IpAddress next_hop = route.gateway.value_or(destination);
    const auto write_next_hop = [&] {
        if (next_hop.family == IpFamily::V6) parameters.family = AF_INET6;
        lookup.set(parameters.destination, next_hop);
    };
    if (lookup.family == IpFamily::V6) write_next_hop();
    if (lookup.has(kSource) && !write_source(lookup, route, destination))
        return FibAnswer::NoSourceAddress;
    write_next_hop();
    if (!lookup.has(kSkipNeighbour)) {
        const FibAnswer answer = write_neighbour(lookup, out, next_hop);
        if (answer != FibAnswer::Success) return answer;
    }
    parameters.table = 0;
    parameters.total_length = static_cast<uint16_t>(mtu);
    return FibAnswer::Success;
}

int look_up(const Lookup& lookup) {
    const bool is_v6 = lookup.family == IpFamily::V6;
    if (is_v6 &&
        (stays_on_link(lookup.parameters.destination) || stays_on_link(lookup.parameters.source)))
        return static_cast<int>(FibAnswer::NotForwarded);
    const Interface* const in = lookup.fib.interface_at(lookup.parameters.ifindex);
    if (in == nullptr) return -ENODEV;
    if (!(is_v6 ? in->forwards_ipv6 : in->forwards_ipv4))
        return static_cast<int>(FibAnswer::ForwardingDisabled);
    const Route* const route = find_route(lookup);
    FibAnswer answer = answer_of(route);
    if (answer == FibAnswer::Success) answer = forward(lookup, *route);
    return static_cast<int>(answer);
}

/// The parameters may stand on any address: they are copied in and out.
uint64_t fib_lookup(uint64_t, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t, RunEnv& env) {
    FibParameters parameters;
    const auto bytes = static_cast<int32_t>(r3);
    const auto flags = static_cast<uint32_t>(r4);
    if (bytes < static_cast<int32_t>(sizeof parameters) || (flags & ~kFlagsMask) != 0)
        return error_value(-EINVAL);
    auto* const at = reinterpret_cast<void*>(r2);
    std::memcpy(&parameters, at, sizeof parameters);
    if (parameters.family != AF_INET && parameters.family != AF_INET6)
        return error_value(-EAFNOSUPPORT);
    if (env.fib == nullptr) return error_value(-ENODEV);
    const IpFamily family = parameters.family == AF_INET ? IpFamily::V4 : IpFamily::V6;
    const int answer = look_up({*env.fib, parameters, flags, family});
    std::memcpy(at, &parameters, sizeof parameters);
    return error_value(answer);
}

/// Only the linear part counts, as in the kernel. Sums wrap as its ints do.
uint64_t check_mtu(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t flags,
                   RunEnv& env) {
    const XdpContext& context = *reinterpret_cast<const XdpContext*>(r1);
    if (flags != 0) return error_value(-EINVAL);
    const auto asked = static_cast<uint32_t>(r2);
    const Interface* const interface =
        env.fib == nullptr ? nullptr
                           : env.fib->interface_at(asked != 0 ? asked : context.ingress_ifindex);
    if (interface == nullptr) return error_value(-ENODEV);
    auto* const mtu_length = reinterpret_cast<void*>(r3);
    uint32_t given;
    std::memcpy(&given, mtu_length, sizeof given);
    uint32_t length = given != 0 ? given + kEthernetBytes
                                 : static_cast<uint32_t>(context.data_end - context.data);
    length += static_cast<uint32_t>(r4);
    const auto most = static_cast<int32_t>(interface->mtu + kEthernetBytes);
    std::memcpy(mtu_length, &interface->mtu, sizeof interface->mtu);
    constexpr uint64_t kFits = 0, kTooLong = 1;  // BPF_MTU_CHK_RET_*
    return static_cast<int32_t>(length) > most ? kTooLong : kFits;
}

}  // namespace

void add_fib_helpers(HelperTable& table) {
    set(table, HelperId::fib_lookup, fib_lookup);
    set(table, HelperId::check_mtu, check_mtu);
}

}  // namespace weir::vm
