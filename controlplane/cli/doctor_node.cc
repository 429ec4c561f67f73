// What a running node says of its ports and maps, and of what it does not filter.

#include <fmt/core.h>

#include <filesystem>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/doctor_checks.h"
#include "controlplane/cli/node_client.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kTimeoutMs = 5'000;

/// "map fw/flows: 7 inserts failed …: raise maps: {…}" is what is, then what to do.
Finding finding_of(const std::string& warning) {
    const size_t remedy = warning.rfind("): ");
    if (remedy == std::string::npos) return {"maps", Health::Wrong, warning, ""};
    return {"maps", Health::Wrong, warning.substr(0, remedy + 1), warning.substr(remedy + 3)};
}

/// "port wan: … ; `command`" is what is, then what to do.
Finding finding_of_port(const std::string& warning) {
    const size_t remedy = warning.find("; `");
    if (remedy == std::string::npos) return {"ports", Health::Wrong, warning, ""};
    return {"ports", Health::Wrong, warning.substr(0, remedy), warning.substr(remedy + 2)};
}

constexpr const char* kOutOfService = " is out of service: ";

/// A bypass, and what the node warns of a port.
void check_node_service(const std::string& run_dir, const Json& status,
                        std::vector<Finding>& findings) {
    if (const uint64_t left_ms = status.value("bypass_left_ms", uint64_t{0}); left_ms != 0)
        findings.push_back(
            {"bypass", Health::Wrong,
             fmt::format("nothing is filtered for another {} s", (left_ms + 999) / 1000),
             fmt::format("weir bypass off --run-dir {}", run_dir)});
    for (const Json& warning : status.value("warnings", Json::array())) {
        const auto text = warning.get<std::string>();
        if (!text.starts_with("port ")) continue;
        if (text.find(kOutOfService) != std::string::npos)
            findings.push_back(
                {"service", Health::Wrong, text, "weir apply CONFIG, or weir prog swap NAME OBJ"});
        else
            findings.push_back(finding_of_port(text));
    }
}

}  // namespace

void check_node_ports(const std::string& run_dir, std::vector<Finding>& findings) {
    std::error_code problem;
    if (!std::filesystem::exists(run_dir + "/" + kControlSocketName, problem)) return;
    const Result<Json> status = ask_node_in(run_dir, "GET", "/status", "", kTimeoutMs);
    if (!status) return;  // check_node_maps says so
    const size_t before = findings.size();
    check_node_service(run_dir, *status, findings);
    const Json ports = status->value("ports", Json::array());
    for (const Json& port : ports)
        if (!port.value("link_up", false) && !port.value("removed", false))
            findings.push_back(
                {"ports", Health::Note,
                 fmt::format("port {}: the link is down", port.value("name", std::string())),
                 "see the device and its other end"});
    if (findings.size() == before)
        findings.push_back(
            {"ports", Health::Good,
             fmt::format("{} ports of the node in {}, all links up", ports.size(), run_dir), ""});
}

void check_node_maps(const std::string& run_dir, std::vector<Finding>& findings) {
    std::error_code problem;
    if (!std::filesystem::exists(run_dir + "/" + kControlSocketName, problem)) return;
    const Result<Json> maps = ask_node_in(run_dir, "GET", "/maps", "", kTimeoutMs);
    if (!maps) {
        findings.push_back(
            {"maps", Health::Note,
             fmt::format("the node in {} does not say: {}", run_dir, maps.error().message),
             fmt::format("see 'weir status --run-dir {}'", run_dir)});
        return;
    }
    const size_t before = findings.size();
    for (const Json& map : *maps)
        for (const Json& warning : map.value("warnings", Json::array()))
            findings.push_back(finding_of(warning.get<std::string>()));
    if (findings.size() == before)
        findings.push_back(
            {"maps", Health::Good,
             fmt::format("{} maps of the node in {}, none full or losing", maps->size(), run_dir),
             ""});
}

}  // namespace weir::controlplane::cli
