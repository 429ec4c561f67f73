// The sections `ports`.

#include <fmt/core.h>

#include <array>

#include "controlplane/config/parse.h"
#include "controlplane/config/units.h"
#include "vm/base/limits.h"

namespace weir::controlplane {
namespace {

constexpr uint16_t kPortQueuesMax = 64;
constexpr uint16_t kMtuMin = 68;  ///< RFC 791: every IPv4 module must forward 68 bytes
constexpr uint16_t kDescriptorsMax = 32'768;
constexpr uint64_t kChainBudgetNsMax = 1'000'000'000;

constexpr std::array<KnownKey, 16> kPortKeys = {{{"device"},
                                                 {"pass"},
                                                 {"link_follow"},
                                                 {"fail"},
                                                 {"queues"},
                                                 {"mtu"},
                                                 {"promiscuous"},
                                                 {"allmulticast"},
                                                 {"chain_budget"},
                                                 {"rx_descriptors"},
                                                 {"ifindex"},
                                                 {"ingress"},
                                                 {"egress"},
                                                 {"vlan", false},
                                                 {"bypass", false},
                                                 {"distribute"}}};

void read_chain(Reader& reader, const Node& node, const std::string& key,
                std::vector<At<std::string>>& chain) {
    constexpr std::array<KnownKey, 2> kKeys = {{{"program"}, {"policy", false}}};
    if (!reader.open_list(node, key)) return;
    if (node.items.size() > kChainProgramsMax)
        return reader.refuse(
            node.place, key,
            fmt::format("{} entries, expected at most {}", node.items.size(), kChainProgramsMax));
    for (size_t i = 0; i < node.items.size(); ++i) {
        const Node& item = node.items[i];
        const std::string item_key = fmt::format("{}[{}]", key, i);
        if (item.kind != NodeKind::Map)
            return reader.refuse_value(item, item_key, "a map like {program: NAME}");
        if (!reader.open_map(item, item_key, kKeys)) return;
        const Node* program = item.find("program");
        if (program == nullptr)
            return reader.refuse_value(item, item_key, "a map like {program: NAME}");
        chain.push_back({reader.text(*program, item_key + ".program"), program->place});
    }
}

void read_sizes(Reader& reader, const Node& node, const std::string& key, PortConfig& port) {
    const auto number16 = [&](const char* name, uint16_t min, uint16_t max, uint16_t& into) {
        if (const Node* value = node.find(name))
            into = static_cast<uint16_t>(reader.number(*value, join_key(key, name), min, max));
    };
    number16("queues", 1, kPortQueuesMax, port.queues);
    number16("mtu", kMtuMin, kFrameBytesMax, port.mtu);
    number16("rx_descriptors", 32, kDescriptorsMax, port.rx_descriptors);
    if (const Node* value = node.find("promiscuous"))
        port.promiscuous = reader.boolean(*value, key + ".promiscuous");
    if (const Node* value = node.find("allmulticast"))
        port.allmulticast = reader.boolean(*value, key + ".allmulticast");
    if (const Node* value = node.find("ifindex"))
        port.ifindex = {
            static_cast<uint32_t>(reader.number(*value, key + ".ifindex", 1, INT32_MAX)),
            value->place};
}

void read_chain_budget(Reader& reader, const Node& node, const std::string& key, PortConfig& port) {
    const Result<uint64_t> budget_ns = parse_duration_ns(node.text);
    if (node.kind != NodeKind::Scalar || !budget_ns || *budget_ns == 0 ||
        *budget_ns > kChainBudgetNsMax)
        return reader.refuse_value(node, key, "a time per packet such as 20us, up to 1s");
    port.chain_budget_ns = *budget_ns;
}

void read_service(Reader& reader, const Node& node, const std::string& key, PortConfig& port) {
    using dataplane::api::Distribution;
    using dataplane::api::FailMode;
    if (const Node* fail = node.find("fail"))
        port.fail = reader.choice<FailMode>(
            *fail, key + ".fail", {{"closed", FailMode::Closed}, {"open", FailMode::Open}});
    if (const Node* follow = node.find("link_follow"))
        port.link_follow = {reader.text(*follow, key + ".link_follow"), follow->place};
    if (const Node* budget = node.find("chain_budget"))
        read_chain_budget(reader, *budget, key + ".chain_budget", port);
    if (const Node* distribute = node.find("distribute"))
        port.distribution =
            reader.choice<Distribution>(*distribute, key + ".distribute",
                                        {{"auto", Distribution::Auto}, {"off", Distribution::Off}});
}

void read_port(Reader& reader, const NodeEntry& entry, Config& config) {
    PortConfig port;
    port.name = entry.key;
    port.place = entry.key_place;
    port.queues = 0;  // as fits the device and the workers, unless it is said
    const std::string key = "ports." + entry.key;
    if (port.name == "kernel" || port.name == "drop")
        return reader.refuse(
            entry.key_place, key,
            fmt::format("a port cannot be called '{}', which `pass` gives another meaning",
                        port.name));
    const Node& node = entry.value;
    if (!reader.open_map(node, key, kPortKeys)) return;
    const Node* device = node.find("device");
    if (device == nullptr)
        return reader.refuse(entry.key_place, key + ".device",
                             "missing, expected a PCI address or a DPDK vdev string");
    port.device = {reader.text(*device, key + ".device"), device->place};
    const Node* pass = node.find("pass");
    if (pass == nullptr)
        return reader.refuse(entry.key_place, key + ".pass",
                             "missing, expected a port's name, kernel or drop");
    port.pass = {reader.text(*pass, key + ".pass"), pass->place};
    read_service(reader, node, key, port);
    read_sizes(reader, node, key, port);
    if (const Node* chain = node.find("ingress"))
        read_chain(reader, *chain, key + ".ingress", port.ingress);
    if (const Node* chain = node.find("egress"))
        read_chain(reader, *chain, key + ".egress", port.egress);
    config.ports.push_back(std::move(port));
}

}  // namespace

void read_ports(Reader& reader, const Node& node, Config& config) {
    if (!reader.open_names(node, "ports")) return;
    if (node.entries.empty())
        return reader.refuse(node.place, "ports", "empty, expected at least one port");
    if (node.entries.size() > kPortsMax)
        return reader.refuse(
            node.place, "ports",
            fmt::format("{} ports, expected at most {}", node.entries.size(), kPortsMax));
    for (const NodeEntry& entry : node.entries) {
        read_port(reader, entry, config);
        if (!reader.ok()) return;
    }
}

}  // namespace weir::controlplane
