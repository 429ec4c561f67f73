// The last stage of reading a configuration: names must exist, combinations must mean something.

#include <fmt/core.h>

#include <set>
#include <tuple>

#include "controlplane/config/parse.h"

namespace weir::controlplane {
namespace {

template <typename T>
std::vector<std::string> names_of(const std::vector<T>& things) {
    std::vector<std::string> names;
    for (const T& thing : things) names.push_back(thing.name);
    return names;
}

/// "value 'X', expected the name of a WHAT (did you mean 'Y'?)", or the list of those there are.
std::string no_such(const std::string& what, const std::string& name,
                    const std::vector<std::string>& names) {
    const std::string near = did_you_mean(name, names);
    if (!near.empty())
        return fmt::format("value '{}', expected the name of a {}, did you mean '{}'?", name, what,
                           near);
    std::string all;
    for (const std::string& candidate : names) all += (all.empty() ? "" : ", ") + candidate;
    return fmt::format("value '{}', expected the name of a {}{}", name, what,
                       all.empty() ? " (there is none)" : ": " + all);
}

void check_pass(Reader& reader, const Config& config, const PortConfig& port) {
    const std::string key = "ports." + port.name + ".pass";
    const std::string& pass = port.pass.value;
    if (pass == "drop" || pass == "kernel") return;
    if (config.find_port(pass) != nullptr) return;
    std::vector<std::string> names = names_of(config.ports);
    names.emplace_back("kernel");
    names.emplace_back("drop");
    reader.refuse(port.pass.place, key, no_such("port, or kernel or drop", pass, names));
}

void check_link_follow(Reader& reader, const Config& config, const PortConfig& port) {
    const std::string& follow = port.link_follow.value;
    if (follow.empty()) return;
    const std::string key = "ports." + port.name + ".link_follow";
    if (follow == port.name)
        return reader.refuse(port.link_follow.place, key,
                             fmt::format("value '{}', expected another port", follow));
    if (config.find_port(follow) == nullptr)
        reader.refuse(port.link_follow.place, key, no_such("port", follow, names_of(config.ports)));
}

void check_chains(Reader& reader, const Config& config, const PortConfig& port) {
    for (const auto& [hook, chain] :
         {std::pair{"ingress", &port.ingress}, std::pair{"egress", &port.egress}}) {
        for (size_t i = 0; i < chain->size(); ++i) {
            const At<std::string>& entry = (*chain)[i];
            if (config.find_program(entry.value) != nullptr) continue;
            reader.refuse(entry.place, fmt::format("ports.{}.{}[{}].program", port.name, hook, i),
                          no_such("program", entry.value, names_of(config.programs)));
        }
    }
}

/// Ports without an `ifindex` get the lowest numbers that nobody asked for, in file order.
void assign_ifindexes(Reader& reader, Config& config) {
    std::set<uint32_t> taken;
    for (const PortConfig& port : config.ports)
        if (port.ifindex.value != 0 && !taken.insert(port.ifindex.value).second)
            reader.refuse(port.ifindex.place, "ports." + port.name + ".ifindex",
                          fmt::format("value '{}', expected a number that no other port has",
                                      port.ifindex.value));
    uint32_t next = 1;
    for (PortConfig& port : config.ports) {
        if (port.ifindex.value != 0) continue;
        while (taken.contains(next)) ++next;
        port.ifindex.value = next;
        taken.insert(next);
    }
}

void check_devices(Reader& reader, const Config& config) {
    std::set<std::string> devices;
    for (const PortConfig& port : config.ports) {
        const std::string device = port.device.value.substr(0, port.device.value.find(','));
        if (!devices.insert(device).second)
            reader.refuse(
                port.device.place, "ports." + port.name + ".device",
                fmt::format("value '{}', expected a device that no other port uses", device));
    }
}

void check_fills(Reader& reader, const Config& config, const ProgramConfig& program) {
    for (const MapFill& fill : program.fills)
        if (config.find_set(fill.set.value) == nullptr)
            reader.refuse(fill.set.place,
                          fmt::format("programs.{}.maps.{}.set", program.name, fill.map),
                          no_such("set", fill.set.value, names_of(config.sets)));
}

/// The program in PROGRAM/MAP must exist.
void check_program_of(Reader& reader, const Config& config, const Place& place,
                      const std::string& key, const std::string& map) {
    const size_t slash = map.find('/');
    if (slash == std::string::npos) return;
    const std::string program = map.substr(0, slash);
    if (config.find_program(program) == nullptr)
        reader.refuse(place, key, no_such("program", program, names_of(config.programs)));
}

void check_map_names(Reader& reader, const Config& config) {
    for (const MapConfig& map : config.maps) {
        const std::string key = "maps." + map.name;
        check_program_of(reader, config, map.place, key, map.name);
        check_program_of(reader, config, map.shared_with.place, key + ".shared_with",
                         map.shared_with.value);
        if (!map.from.value.empty() && config.find_set(map.from.value) == nullptr)
            reader.refuse(map.from.place, key + ".from",
                          no_such("set", map.from.value, names_of(config.sets)));
    }
}

void check_exports(Reader& reader, const Config& config) {
    std::set<std::string> names;
    for (size_t i = 0; i < config.metrics.exports.size(); ++i) {
        const ExportConfig& metric = config.metrics.exports[i];
        const std::string key = fmt::format("metrics.export[{}]", i);
        if (!names.insert(metric.name).second)
            reader.refuse(metric.place, key + ".name",
                          fmt::format("value '{}', expected each name once", metric.name));
        if (metric.name.starts_with("weir_"))
            reader.refuse(
                metric.place, key + ".name",
                fmt::format("value '{}', expected a name that does not start with 'weir_'",
                            metric.name));
        if (config.find_program(metric.program.value) == nullptr)
            reader.refuse(metric.program.place, key + ".program",
                          no_such("program", metric.program.value, names_of(config.programs)));
    }
}

/// The number of the port that is meant. A route out of an interface that is no port could not be
/// followed.
void resolve_interface(Reader& reader, const Config& config, const std::string& key,
                       InterfaceConfig& interface) {
    if (interface.port.value.empty() && interface.ifindex.value == 0) return;
    for (const PortConfig& port : config.ports) {
        const bool is_it = interface.port.value.empty()
                               ? port.ifindex.value == interface.ifindex.value
                               : port.name == interface.port.value;
        if (!is_it) continue;
        interface.ifindex.value = port.ifindex.value;
        return;
    }
    if (!interface.port.value.empty())
        return reader.refuse(interface.port.place, key + ".port",
                             no_such("port", interface.port.value, names_of(config.ports)));
    std::string numbers;
    for (const PortConfig& port : config.ports)
        numbers +=
            fmt::format("{}{} ({})", numbers.empty() ? "" : ", ", port.ifindex.value, port.name);
    reader.refuse(interface.ifindex.place, key + ".ifindex",
                  fmt::format("value '{}', expected the ifindex of a port: {}",
                              interface.ifindex.value, numbers));
}

void check_routes(Reader& reader, Config& config) {
    std::set<std::tuple<Prefix, uint32_t, uint32_t>> routes;
    for (size_t i = 0; i < config.routes.size(); ++i) {
        RouteConfig& route = config.routes[i];
        const std::string key = fmt::format("routes[{}]", i);
        resolve_interface(reader, config, key, route.out);
        if (!routes.emplace(route.prefix, route.table, route.metric).second)
            reader.refuse(route.place, key,
                          fmt::format("a second route to {} with metric {}, expected each once",
                                      to_string(route.prefix), route.metric));
    }
    std::set<std::pair<Prefix, uint32_t>> neighbours;
    for (size_t i = 0; i < config.neighbours.size(); ++i) {
        NeighbourConfig& neighbour = config.neighbours[i];
        const std::string key = fmt::format("neighbours[{}]", i);
        const std::string address = to_string(neighbour.address);
        resolve_interface(reader, config, key, neighbour.on);
        if (!neighbours.emplace(neighbour.address, neighbour.on.ifindex.value).second)
            reader.refuse(neighbour.place, key,
                          fmt::format("{} stands here twice, expected each address once per port",
                                      std::string_view(address).substr(0, address.find('/'))));
    }
}

}  // namespace

void check_references(Reader& reader, Config& config) {
    for (const PortConfig& port : config.ports) {
        check_pass(reader, config, port);
        check_link_follow(reader, config, port);
        check_chains(reader, config, port);
    }
    assign_ifindexes(reader, config);
    check_devices(reader, config);
    check_routes(reader, config);
    for (const ProgramConfig& program : config.programs) check_fills(reader, config, program);
    check_map_names(reader, config);
    check_exports(reader, config);
}

}  // namespace weir::controlplane
