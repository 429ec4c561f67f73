// weir-controlplane: deploys a configuration to the dataplane beside it and serves the API and
// /metrics.

#include <fmt/core.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "controlplane/api/http_server.h"
#include "controlplane/api/live_node.h"
#include "controlplane/api/routes.h"
#include "controlplane/config/parse.h"

namespace weir::controlplane {
namespace {

namespace po = boost::program_options;

constexpr uint32_t kConnectMs = 10'000;
constexpr uint32_t kWatchMs = 250;

struct Settings {
    std::string run_dir, config_file, dataplane_socket;
    bool quiet = false;
};

Result<Settings> read_settings(const po::variables_map& values) {
    Settings settings;
    settings.run_dir = values["run-dir"].as<std::string>();
    settings.config_file = values["config"].as<std::string>();
    settings.quiet = values.count("quiet") != 0;
    settings.dataplane_socket = settings.run_dir + "/" + dataplane::api::kSocketName;
    if (values.count("dataplane-socket") != 0)
        settings.dataplane_socket = values["dataplane-socket"].as<std::string>();
    return settings;
}

/// Until the server runs there is nothing to take back: the dataplane drops what an ended
/// connection has staged. By a handler and not by default, since process 1 of a container has no
/// default.
void end_on_signals() {
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { _exit(0); });
}

Result<void> make_run_dir(const std::string& run_dir) {
    std::error_code problem;
    std::filesystem::create_directories(run_dir, problem);
    if (problem)
        return fail(ErrorKind::kResource, fmt::format("{}: cannot make the run directory: {}",
                                                      run_dir, problem.message()));
    return {};
}

/// A dataplane that runs what the run directory says needs no file: the node goes on even where
/// somebody has edited it since. The metrics' port is taken before anything is deployed: one in use
/// must not leave half a node.
Result<void> serve(const Settings& settings) {
    if (const Result<void> made = make_run_dir(settings.run_dir); !made) return made;
    const Result<Config> config = load_config(settings.config_file);
    LiveNode node(settings.run_dir, settings.dataplane_socket);
    HttpServer server;
    const Result<bool> attached = node.connect(config ? kConnectMs : 0);
    if (!config && !(attached && *attached)) return std::unexpected(config.error());
    if (!attached) return std::unexpected(attached.error());
    const MetricsConfig metrics = *attached ? node.metrics_config() : config->metrics;
    if (metrics.port != 0) {
        const auto listens = server.listen_tcp(
            metrics.host, metrics.port,
            [&node](const HttpRequest& request) { return answer_scrape(node, request); });
        if (!listens) return fail_in(settings.config_file, listens.error());
    }
    if (!*attached)
        if (const Result<void> started = node.start(*config); !started) return started;
    const auto listens = server.listen_unix(
        settings.run_dir + "/" + kControlSocketName,
        [&node](const HttpRequest& request) { return answer_request(node, request); });
    if (!listens) return listens;
    server.run(kWatchMs, [&node] { node.watch(); });
    return {};
}

int run(int argc, char** argv) {
    po::options_description options(
        "weir-controlplane: deploys a configuration and serves the API and /metrics");
    options.add_options()("help,h", "show this help")("version", "show the version")(
        "run-dir", po::value<std::string>()->default_value(kDefaultRunDir)->value_name("DIR"),
        "directory of the node's sockets and state")(
        "config", po::value<std::string>()->default_value(kDefaultConfigFile)->value_name("FILE"),
        "configuration to deploy")("dataplane-socket", po::value<std::string>()->value_name("PATH"),
                                   "the dataplane's socket (default RUN_DIR/dataplane.sock)")(
        "quiet", "log warnings and errors only");
    po::variables_map values;
    po::store(po::command_line_parser(argc, argv).options(options).positional({}).run(), values);
    po::notify(values);
    if (values.count("help") != 0) {
        std::cout << options;
        return 0;
    }
    if (values.count("version") != 0) {
        fmt::print("weir-controlplane {}\n", WEIR_VERSION);
        return 0;
    }
    const Result<Settings> settings = read_settings(values);
    spdlog::set_default_logger(spdlog::stderr_color_mt("controlplane"));
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %n: %v");
    if (settings->quiet) spdlog::set_level(spdlog::level::warn);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    end_on_signals();
    const Result<void> served = serve(*settings);
    if (served) return 0;
    fmt::print(stderr, "weir-controlplane: {}\n", served.error().message);
    return exit_status(served.error().kind);
}

}  // namespace
}  // namespace weir::controlplane

int main(int argc, char** argv) {
    try {
        return weir::controlplane::run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "weir-controlplane: {}\n", error.what());
        return 2;
    }
}
