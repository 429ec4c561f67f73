// weir apply, status, stats, prog list, prog swap: questions to a running node.

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/node_client.h"
#include "controlplane/cli/stats_text.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/config/parse.h"

namespace weir::controlplane::cli {
namespace {

std::string absolute_path(const std::string& path) {
    std::error_code problem;
    const std::filesystem::path absolute = std::filesystem::absolute(path, problem);
    return problem ? path : absolute.lexically_normal().string();
}

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

int print_deployed(const Result<Json>& deployed, const Parsed& parsed) {
    if (!deployed) return report(deployed.error());
    if (parsed.json())
        print_json(*deployed, parsed);
    else
        fmt::print("generation {}, swapped in {} us\n", text_of((*deployed)["generation"]),
                   text_of((*deployed)["swap_us"]));
    return kExitDone;
}

std::string link_text(const Json& port) {
    if (port.value("removed", false)) return "removed";
    std::string text = port.value("link_up", false) ? "up" : "down";
    if (const uint64_t mbps = port.value("link_mbps", uint64_t{0}); mbps != 0)
        text += fmt::format(" {} Mbps", mbps);
    if (const uint64_t downs = port.value("link_downs", uint64_t{0}); downs != 0)
        text += fmt::format(" (went down {} times)", downs);
    return text;
}

void print_port(const Json& port) {
    fmt::print("port {}: {} ({}), ifindex {}, mtu {}, {} queues{}, link {}, {}\n",
               text_of(port["name"]), text_of(port["device"]), text_of(port["driver"]),
               text_of(port["ifindex"]), text_of(port["mtu"]), text_of(port["queues"]),
               port.value("distributed", false) ? " shared out to all workers" : "",
               link_text(port), text_of(port["mac"]));
    std::string features;
    for (const Json& feature : port.value("features", Json::array()))
        features += (features.empty() ? "" : "; ") + text_of(feature);
    if (!features.empty()) fmt::print("  {}\n", features);
}

void print_status(const Json& status) {
    fmt::print("weir {}, pid {}, up {} s, generation {}{}\n", text_of(status["version"]),
               text_of(status["pid"]), status["uptime_ms"].get<uint64_t>() / 1000,
               text_of(status["generation"]), status.value("ready", false) ? "" : ", not deployed");
    fmt::print("config {}, lcores {}, hugepages {}\n", text_of(status["config"]),
               status["lcores"].dump(), status.value("hugepages", false) ? "yes" : "no");
    if (const Json swaps = status.value("swaps", Json::object()); swaps.value("count", 0u) != 0)
        fmt::print("swaps {}: half within {:.0f} us, 99 % within {:.0f} us, all within {:.0f} us\n",
                   text_of(swaps["count"]), swaps["p50_us"].get<double>(),
                   swaps["p99_us"].get<double>(), swaps["max_us"].get<double>());
    for (const Json& port : status["ports"]) print_port(port);
    for (const Json& capture : status["captures"])
        fmt::print("capture {}: {} of {} packets captured, {} dropped\n", text_of(capture["id"]),
                   text_of(capture["captured"]), text_of(capture["matched"]),
                   text_of(capture["dropped"]));
    for (const Json& warning : status["warnings"]) fmt::print("warning: {}\n", text_of(warning));
}

/// Until Ctrl-C: one document or one line a second.
int watch_stats(const Parsed& parsed) {
    Json before;
    for (;;) {
        Result<Json> stats = ask_node(parsed, "GET", "/stats");
        if (!stats) return report(stats.error());
        if (parsed.json())
            print_json(*stats, parsed);
        else
            fmt::print("{}\n", stats_line(before, *stats));
        std::fflush(stdout);
        before = std::move(*stats);
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

}  // namespace

int verb_apply(const Words& words) {
    Options options(
        "apply", "CONFIG",
        "Makes a running node do what the configuration says. On any error what runs stays.");
    const Result<Parsed> parsed =
        options.positional("CONFIG", false).with_run_dir().with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const std::string path =
        parsed->has("CONFIG") ? parsed->text("CONFIG") : std::string(kDefaultConfigFile);
    const Result<Config> config =
        load_config(path);  // what is wrong with the text is said here, by the name as typed
    if (!config) return report(config.error());
    const Json body = {{"path", absolute_path(path)}, {"text", config->text}};
    return print_deployed(ask_node(*parsed, "POST", "/apply", body.dump()), *parsed);
}

int verb_status(const Words& words) {
    Options options("status", "", "What a running node is: version, ports, generation, warnings.");
    const Result<Parsed> parsed = options.with_run_dir().with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<Json> status = ask_node(*parsed, "GET", "/status");
    if (!status) return report(status.error());
    if (parsed->json())
        print_json(*status, *parsed);
    else
        print_status(*status);
    return kExitDone;
}

int verb_stats(const Words& words) {
    Options options("stats", "",
                    "Packets received, sent and dropped by reason, verdicts, programs. Exact on "
                    "every reading.");
    options.flag("watch", "one reading a second, until interrupted");
    const Result<Parsed> parsed = options.with_run_dir().with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    if (parsed->has("watch")) return watch_stats(*parsed);
    const Result<Json> stats = ask_node(*parsed, "GET", "/stats");
    if (!stats) return report(stats.error());
    if (parsed->json())
        print_json(*stats, *parsed);
    else
        fmt::print("{}", stats_table(*stats));
    return kExitDone;
}

int verb_prog_list(const Words& words) {
    Options options("prog list", "", "Programs of the running node.");
    const Result<Parsed> parsed = options.with_run_dir().with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<Json> programs = ask_node(*parsed, "GET", "/programs");
    if (!programs) return report(programs.error());
    if (parsed->json()) {
        print_json(*programs, *parsed);
        return kExitDone;
    }
    for (const Json& program : *programs) {
        const std::string aborted = aborted_text(program);
        fmt::print("{}: {} of {}, {} instructions, {} bytes jited, {} runs{}{}\n",
                   text_of(program["name"]), text_of(program["function"]),
                   text_of(program["object"]), text_of(program["insns"]),
                   text_of(program["jited_bytes"]), text_of(program["runs"]),
                   aborted.empty() ? "" : ", ", aborted);
    }
    return kExitDone;
}

int verb_prog_swap(const Words& words) {
    Options options("prog swap", "NAME OBJ",
                    "The program that the configuration calls NAME becomes one of OBJ, under "
                    "traffic. Maps with the same name and\n"
                    "definition go along with their contents; globals start fresh.");
    options.positional("NAME", true)
        .positional("OBJ", true)
        .value("prog", "PROG",
               "which program of OBJ; absent: as the configuration says, or if it does not, the "
               "only one");
    const Result<Parsed> parsed = options.with_run_dir().with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Json body = {{"object", absolute_path(parsed->text("OBJ"))},
                       {"program", parsed->text("prog")}};
    const std::string target = "/programs/" + escape_url(parsed->text("NAME")) + "/swap";
    return print_deployed(ask_node(*parsed, "POST", target, body.dump()), *parsed);
}

}  // namespace weir::controlplane::cli
