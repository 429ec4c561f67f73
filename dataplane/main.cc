// weir-dataplane: owns ports, cores, maps and machine code; serves the command socket. Order
// matters: the prover starts before EAL, signals are blocked before EAL makes threads.

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <csignal>
#include <iostream>
#include <optional>

#include "dataplane/commands.h"
#include "dataplane/prover_process.h"
#include "dataplane/run_dir.h"
#include "dataplane/server.h"

namespace weir::dataplane {
namespace {

namespace po = boost::program_options;

struct Options {
    std::string run_dir;
    std::string replay;
    std::vector<uid_t> allowed;
    spdlog::level::level_enum log_level = spdlog::level::info;
    bool only_print = false;  ///< --help, --version: done
};

Result<Options> parse_options(int argc, char** argv) {
    po::options_description known("weir-dataplane [OPTION]...");
    known.add_options()("run-dir", po::value<std::string>()->default_value("/run/weir"),
                        "sockets, DPDK's files, state")(
        "replay", po::value<std::string>(),
        "boot from this file (RUN_DIR/confirmed.replay is kept by a running dataplane)")(
        "allow-uid", po::value<std::vector<uid_t>>(),
        "user besides root who may send commands; may be repeated")(
        "log-level", po::value<std::string>()->default_value("info"),
        "debug, info, warning, error")("version", "print the version")("help", "print this");
    Options options;
    try {
        po::variables_map values;
        po::store(po::command_line_parser(argc, argv).options(known).positional({}).run(), values);
        options.only_print = values.contains("help") || values.contains("version");
        if (values.contains("help"))
            std::cout << known;
        else if (values.contains("version"))
            std::cout << "weir-dataplane " << WEIR_VERSION << "\n";
        options.run_dir = values["run-dir"].as<std::string>();
        if (values.contains("replay")) options.replay = values["replay"].as<std::string>();
        if (values.contains("allow-uid"))
            options.allowed = values["allow-uid"].as<std::vector<uid_t>>();
        const auto level = values["log-level"].as<std::string>();
        options.log_level = spdlog::level::from_str(level);
        if (options.log_level == spdlog::level::off) {
            return fail(
                ErrorKind::kInvalid,
                fmt::format("--log-level {}: expected debug, info, warning or error", level));
        }
    } catch (const po::error& error) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("{} (--help lists the options)", error.what()));
    }
    if (options.run_dir.empty())
        return fail(ErrorKind::kInvalid, "--run-dir: empty, expected a directory");
    return options;
}

/// Readable when SIGTERM or SIGINT came. Blocked for every thread that is made later.
Result<int> stop_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // machine code is written to a file, which may have a limit
    const int fd = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return fail(ErrorKind::kResource, "signalfd failed");
    return fd;
}

Result<void> serve(const Options& options) {
    const Result<int> stop_fd = stop_signals();
    if (!stop_fd) return std::unexpected(stop_fd.error());
    // A replay file that is no good is refused before anything starts.
    std::optional<Replay> replay;
    if (!options.replay.empty()) {
        Result<Replay> read = read_replay(options.replay);
        if (!read) return std::unexpected(read.error());
        replay = std::move(*read);
    }
    const std::optional<uid_t> peer =
        options.allowed.empty() ? std::nullopt : std::optional(options.allowed.front());
    Result<RunDir> run_dir = RunDir::claim(options.run_dir, peer);
    if (!run_dir) return std::unexpected(run_dir.error());
    Result<std::unique_ptr<Prover>> prover = Prover::start("/proc/self/exe");
    if (!prover) return std::unexpected(prover.error());
    Commands commands(std::move(*prover), options.run_dir, WEIR_VERSION);
    if (replay) {
        if (Result<void> booted = commands.replay(*replay); !booted)
            return fail_in(options.replay, booted.error());
        replay.reset();
    }
    const Result<int> listen_fd = run_dir->listen();
    if (!listen_fd) return std::unexpected(listen_fd.error());
    Server server(*listen_fd, options.allowed, commands);
    spdlog::info("weir-dataplane {} serves {}", WEIR_VERSION, run_dir->file(kSocketName));
    server.run(*stop_fd);
    spdlog::info("stops");
    return {};
}

void start_logging(spdlog::level::level_enum level) {
    const auto logger = spdlog::stderr_color_mt("dataplane");
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %n: %v");
    logger->set_level(level);
    spdlog::set_default_logger(logger);
}

int run(int argc, char** argv) {
    const Result<Options> options = parse_options(argc, argv);
    if (!options) {
        std::cerr << "weir-dataplane: " << options.error().message << "\n";
        return 2;
    }
    if (options->only_print) return 0;
    ::prctl(PR_SET_NAME, "weir-dataplane");
    start_logging(options->log_level);
    const Result<void> served = serve(*options);
    if (served) return 0;
    std::cerr << "weir-dataplane: " << served.error().message << "\n";
    return 2;
}

}  // namespace
}  // namespace weir::dataplane

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == weir::dataplane::kProverOption) {
        return weir::dataplane::serve_proofs(weir::vm::verify);
    }
    return weir::dataplane::run(argc, argv);
}
