// What two configurations of the dataplane, or two definitions of a map, do not share: in words.

#include <fmt/core.h>

#include <array>

#include "controlplane/deploy/deploy.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

template <typename T>
std::string differs(const std::string& key, const T& running, const T& wanted) {
    if (running == wanted) return {};
    return fmt::format("{} is '{}', the new configuration says '{}'", key, running, wanted);
}

std::string pass_of(const api::PortConfig& port) {
    switch (port.pass) {
        case api::PassKind::Port: return port.pass_port;
        case api::PassKind::Kernel: return "kernel";
        case api::PassKind::Drop: break;
    }
    return "drop";
}

std::string port_difference(const api::PortConfig& running, const api::PortConfig& wanted) {
    const std::string key = "ports." + wanted.name;
    const auto fail_word = [](const api::PortConfig& port) {
        return std::string(port.fail == api::FailMode::Open ? "open" : "closed");
    };
    const auto distribute_word = [](const api::PortConfig& port) {
        return std::string(port.distribution == api::Distribution::Auto ? "auto" : "off");
    };
    const std::string all[] = {
        differs(key + ".device", running.device, wanted.device),
        differs(key + ".pass", pass_of(running), pass_of(wanted)),
        differs(key + ".fail", fail_word(running), fail_word(wanted)),
        differs(key + ".ifindex", running.ifindex, wanted.ifindex),
        differs(key + ".queues", running.queues, wanted.queues),
        differs(key + ".mtu", running.mtu, wanted.mtu),
        differs(key + ".rx_descriptors", running.rx_descriptors, wanted.rx_descriptors),
        differs(key + ".promiscuous", running.promiscuous, wanted.promiscuous),
        differs(key + ".allmulticast", running.allmulticast, wanted.allmulticast),
        differs(key + ".distribute", distribute_word(running), distribute_word(wanted)),
        differs(key + ".link_follow", running.link_follow, wanted.link_follow),
        differs(key + ".chain_budget", running.chain_budget_ns, wanted.chain_budget_ns),
    };
    for (const std::string& difference : all)
        if (!difference.empty()) return difference;
    return {};
}

std::string lcore_list(const api::Configure& configure) {
    std::string list;
    for (const uint32_t lcore : configure.lcores)
        list += (list.empty() ? "" : ",") + std::to_string(lcore);
    return list;
}

std::string port_names(const api::Configure& configure) {
    std::string names;
    for (const api::PortConfig& port : configure.ports)
        names += (names.empty() ? "" : ",") + port.name;
    return names;
}

}  // namespace

std::string configure_difference(const api::Configure& running, const api::Configure& wanted) {
    const auto idle = [](const api::Configure& configure) {
        constexpr std::array<const char*, 3> kWords = {"poll", "adaptive", "monitor"};
        return std::string(kWords.at(static_cast<size_t>(configure.idle)));
    };
    const auto hugepages = [](const api::Configure& configure) {
        constexpr std::array<const char*, 3> kWords = {"auto", "required", "off"};
        return std::string(kWords.at(static_cast<size_t>(configure.hugepages)));
    };
    const auto symbols = [](const api::Configure& configure) {
        constexpr std::array<const char*, 4> kWords = {"none", "perf", "gdb", "all"};
        return std::string(kWords.at(static_cast<size_t>(configure.jit_symbols)));
    };
    const std::string all[] = {
        differs("workers.lcores", lcore_list(running), lcore_list(wanted)),
        differs("workers.max", running.workers_max, wanted.workers_max),
        differs("workers.idle", idle(running), idle(wanted)),
        differs("memory.hugepages", hugepages(running), hugepages(wanted)),
        differs("memory.size", running.memory_bytes, wanted.memory_bytes),
        differs("jit.harden", running.jit_harden, wanted.jit_harden),
        differs("jit.symbols", symbols(running), symbols(wanted)),
        differs("ports", port_names(running), port_names(wanted)),
    };
    for (const std::string& difference : all)
        if (!difference.empty()) return difference;
    for (size_t i = 0; i < running.ports.size(); ++i)
        if (std::string difference = port_difference(running.ports[i], wanted.ports[i]);
            !difference.empty())
            return difference;
    return {};
}

}  // namespace weir::controlplane
