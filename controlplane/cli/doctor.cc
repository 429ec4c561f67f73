// weir doctor

#include <fmt/core.h>

#include <algorithm>

#include "controlplane/cli/doctor_checks.h"
#include "controlplane/cli/node_client.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/config/parse.h"

namespace weir::controlplane::cli {
namespace {

const char* word_of(Health health) {
    switch (health) {
        case Health::Good: return "good";
        case Health::Note: return "note";
        case Health::Wrong: break;
    }
    return "wrong";
}

Json findings_json(const std::vector<Finding>& findings) {
    Json list = Json::array();
    for (const Finding& finding : findings)
        list.push_back({{"check", finding.check},
                        {"state", word_of(finding.health)},
                        {"message", finding.message},
                        {"remedy", finding.remedy}});
    return list;
}

}  // namespace

std::vector<Finding> check_machine(const Config* config) {
    std::vector<Finding> findings = {check_cpu(),
                                     check_binaries(),
                                     check_privileges(config),
                                     check_hugepages(config),
                                     check_af_xdp(config),
                                     check_drivers(config),
                                     check_run_dir(config)};
    if (config == nullptr) return findings;
    findings.push_back(check_lcores(*config));
    check_ports(*config, findings);
    if (config->metrics.port != 0) findings.push_back(check_metrics_port(*config));
    return findings;
}

int verb_doctor(const Words& words) {
    Options options("doctor", "[CONFIG]",
                    "Checks this machine for what a node needs, and for what a configuration asks "
                    "of it: cores, hugepages, privileges,\n"
                    "kernel, drivers, interfaces, run directory; and the maps of the node that "
                    "runs there. Says what to do about each.\n"
                    "Exit 1 if something is wrong.");
    options.positional("CONFIG", false);
    options.value("config", "FILE", "the same as CONFIG");
    const Result<Parsed> parsed = options.with_run_dir().with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const std::string path =
        parsed->has("CONFIG") ? parsed->text("CONFIG") : parsed->text("config");
    std::vector<Finding> findings;
    std::string run_dir = run_dir_of(*parsed);
    if (path.empty()) {
        findings = check_machine(nullptr);
    } else {
        const Result<Config> config = load_config(path);
        if (!config) return report(config.error());
        findings = check_machine(&*config);
        if (!parsed->has("run-dir")) run_dir = config->run_dir.value;
    }
    check_node_ports(run_dir, findings);
    check_node_maps(run_dir, findings);
    if (parsed->json())
        print_json(findings_json(findings), *parsed);
    else
        for (const Finding& finding : findings) {
            fmt::print("{:<6}{:<14}{}\n", word_of(finding.health), finding.check, finding.message);
            if (!finding.remedy.empty()) fmt::print("      {:<14}-> {}\n", "", finding.remedy);
        }
    const bool wrong = std::any_of(findings.begin(), findings.end(),
                                   [](const Finding& f) { return f.health == Health::Wrong; });
    return wrong ? kExitNo : kExitDone;
}

}  // namespace weir::controlplane::cli
