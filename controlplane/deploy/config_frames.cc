// What goes from the configuration into frames as it stands, without any object file.

#include "controlplane/config/parse.h"
#include "controlplane/deploy/bundle.h"

namespace weir::controlplane {

namespace api = dataplane::api;

api::Configure make_configure(const Config& config) {
    api::Configure configure;
    configure.lcores = config.workers.lcores.value;
    configure.workers_max = config.workers.workers_max;
    configure.idle = config.workers.idle;
    configure.hugepages = config.memory.hugepages;
    configure.memory_bytes = config.memory.size_bytes;
    configure.jit_harden = config.jit.harden;
    configure.jit_symbols = config.jit.symbols;
    for (const PortConfig& port : config.ports) {
        api::PortConfig frame;
        frame.name = port.name;
        frame.device = resolve_device(config.folder, port.device.value);
        frame.pass = port.pass.value == "drop"     ? api::PassKind::Drop
                     : port.pass.value == "kernel" ? api::PassKind::Kernel
                                                   : api::PassKind::Port;
        if (frame.pass == api::PassKind::Port) frame.pass_port = port.pass.value;
        frame.fail = port.fail;
        frame.ifindex = port.ifindex.value;
        frame.queues = port.queues;
        frame.mtu = port.mtu;
        frame.rx_descriptors = port.rx_descriptors;
        frame.promiscuous = port.promiscuous;
        frame.allmulticast = port.allmulticast;
        frame.distribution = port.distribution;
        frame.link_follow = port.link_follow.value;
        frame.chain_budget_ns = port.chain_budget_ns;
        configure.ports.push_back(std::move(frame));
    }
    return configure;
}

std::vector<api::Route> make_routes(const Config& config) {
    const auto bytes_of = [](const std::optional<Prefix>& prefix) {
        return prefix ? address_bytes(*prefix) : Bytes();
    };
    std::vector<api::Route> routes;
    for (const RouteConfig& route : config.routes)
        routes.push_back({.prefix = address_bytes(route.prefix),
                          .length_bits = route.prefix.length_bits,
                          .type = route.type,
                          .ifindex = route.out.ifindex.value,
                          .via = bytes_of(route.via),
                          .source = bytes_of(route.source),
                          .table = route.table,
                          .metric = route.metric,
                          .mtu = route.mtu});
    return routes;
}

std::vector<api::Neighbour> make_neighbours(const Config& config) {
    std::vector<api::Neighbour> neighbours;
    for (const NeighbourConfig& neighbour : config.neighbours)
        neighbours.push_back({.address = address_bytes(neighbour.address),
                              .mac = Bytes(neighbour.mac.begin(), neighbour.mac.end()),
                              .ifindex = neighbour.on.ifindex.value});
    return neighbours;
}

}  // namespace weir::controlplane
