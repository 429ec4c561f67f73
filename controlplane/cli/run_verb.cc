// weir run: a node in the foreground, until Ctrl-C, --duration or --exit-when-idle.

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "controlplane/cli/foreground.h"
#include "controlplane/cli/stats_text.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/config/parse.h"
#include "controlplane/deploy/bundle.h"
#include "vm/base/check.h"

namespace weir::controlplane::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTendMs = 20;
constexpr auto kLineEvery = std::chrono::seconds(1);
constexpr auto kIdleCheckEvery = std::chrono::milliseconds(100);

struct RunLimits {
    double duration_s = 0;  ///< 0: none
    double idle_s = 0;      ///< 0: none
};

int stop_pipe[2] = {-1, -1};  ///< what the signal handler may reach

void note_stop(int) {
    const int error = errno;
    constexpr char kByte = 1;
    [[maybe_unused]] const ssize_t wrote = write(stop_pipe[1], &kByte, 1);
    errno = error;
}

/// SIGINT and SIGTERM as a readable descriptor. By a handler and not by signalfd: that would need
/// every thread of the process, also those of libraries, to block the signals.
class StopSignals {
public:
    StopSignals() {
        WEIR_CHECK(pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) == 0);
        struct sigaction action{};
        action.sa_handler = note_stop;
        action.sa_flags = SA_RESTART;
        sigaction(SIGINT, &action, &before_[0]);
        sigaction(SIGTERM, &action, &before_[1]);
    }
    ~StopSignals() {
        sigaction(SIGINT, &before_[0], nullptr);
        sigaction(SIGTERM, &before_[1], nullptr);
        close(stop_pipe[0]);
        close(stop_pipe[1]);
    }
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    /// Waits up to `milliseconds`; true if somebody asked us to stop.
    bool wait(int milliseconds) {
        pollfd entry{stop_pipe[0], POLLIN, 0};
        return poll(&entry, 1, milliseconds) > 0;
    }

private:
    struct sigaction before_[2]{};
};

/// What the terminal shows, and when nothing has come for how long.
class Watcher {
public:
    Watcher(const Foreground& node, const RunLimits& limits) : node_(node), limits_(limits) {}

    /// True when it is time to end.
    bool look() {
        const Clock::time_point now = Clock::now();
        if (limits_.duration_s > 0 &&
            now - start_ >= std::chrono::duration<double>(limits_.duration_s))
            return true;
        const bool line_due = is_terminal_ && now - last_line_ >= kLineEvery;
        const bool idle_due = limits_.idle_s > 0 && now - last_idle_check_ >= kIdleCheckEvery;
        if (!line_due && !idle_due) return false;
        std::optional<Json> stats = node_.stats();
        if (!stats) return false;
        if (idle_due) note_traffic(*stats, now);
        if (line_due) {
            fmt::print("\r\033[K{}", stats_line(shown_, *stats));
            std::fflush(stdout);
            last_line_ = now;
            shown_ = std::move(*stats);
        }
        return limits_.idle_s > 0 &&
               now - last_traffic_ >= std::chrono::duration<double>(limits_.idle_s);
    }

    void end_line() const {
        if (is_terminal_ && shown_.is_object()) fmt::print("\n");
    }

private:
    void note_traffic(const Json& stats, Clock::time_point now) {
        last_idle_check_ = now;
        const uint64_t received = stats["total"].value("rx", uint64_t{0});
        if (received == received_ && stats["total"].value("in_flight", uint64_t{0}) == 0) return;
        received_ = received;
        last_traffic_ = now;
    }

    const Foreground& node_;
    RunLimits limits_;
    const bool is_terminal_ = isatty(STDOUT_FILENO) == 1;
    const Clock::time_point start_ = Clock::now();
    Clock::time_point last_line_{}, last_idle_check_{}, last_traffic_ = Clock::now();
    uint64_t received_ = 0;
    Json shown_;
};

void print_ready(const Config& config, const std::string& run_dir, Clock::time_point start) {
    const auto spent =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
    std::string ports;
    for (const PortConfig& port : config.ports) ports += (ports.empty() ? "" : ", ") + port.name;
    fmt::print("weir: ready after {} ms, ports {}, run directory {}\n", spent, ports, run_dir);
    if (config.metrics.port != 0)
        fmt::print("weir: metrics on http://{}:{}/metrics\n", config.metrics.host,
                   config.metrics.port);
    std::fflush(stdout);
}

int run_node(const Config& config, const ForegroundSettings& settings, const RunLimits& limits) {
    const Clock::time_point start = Clock::now();
    StopSignals stop;
    Foreground node(settings);
    if (const Result<void> started = node.start(); !started) return report(started.error());
    print_ready(config, settings.run_dir, start);
    Watcher watcher(node, limits);
    while (!stop.wait(kTendMs) && !watcher.look())
        if (const Result<void> tended = node.tend(); !tended) {
            watcher.end_line();
            return report(tended.error());
        }
    watcher.end_line();
    const std::optional<Json> totals = node.stats();
    node.stop();
    if (totals)
        fmt::print("\n{}", stats_table(*totals));
    else
        fmt::print(stderr, "weir: no totals: the control plane did not answer\n");
    return kExitDone;
}

/// What can be refused before anything starts.
Result<Config> check_config(const std::string& path) {
    Result<Config> config = load_config(path);
    if (!config) return config;
    vm::VerdictCache verdicts;
    const Result<Bundle> bundle = build_bundle(*config, verdicts);
    if (!bundle) return std::unexpected(bundle.error());
    for (const std::string& notice : bundle->notices) fmt::print(stderr, "weir: {}\n", notice);
    return config;
}

}  // namespace

int verb_run(const Words& words) {
    Options options("run", "CONFIG",
                    "Starts dataplane and control plane in the foreground with this configuration, "
                    "shows what passes and what is\n"
                    "dropped, and stops both on Ctrl-C. Both are restarted if they die; the "
                    "dataplane filters on meanwhile.");
    options.positional("CONFIG", false)
        .value("duration", "SEC", "stop after so many seconds")
        .value("exit-when-idle", "SEC", "stop when nothing was received for so many seconds")
        .flag("verbose", "show the log of both processes");
    const Result<Parsed> parsed = options.with_run_dir().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<double> duration = seconds_option(*parsed, "duration", 0);
    if (!duration) return report(duration.error());
    const Result<double> idle = seconds_option(*parsed, "exit-when-idle", 0);
    if (!idle) return report(idle.error());
    const std::string path =
        parsed->has("CONFIG") ? parsed->text("CONFIG") : std::string(kDefaultConfigFile);
    const Result<Config> config = check_config(path);
    if (!config) return report(config.error());
    const std::string given =
        parsed->has("run-dir") ? parsed->text("run-dir") : config->run_dir.value;
    std::error_code problem;  // the processes that get it may look from elsewhere
    const std::string run_dir =
        std::filesystem::absolute(given, problem).lexically_normal().string();
    if (problem) return report({ErrorKind::kInvalid, given + ": " + problem.message()});
    return run_node(*config, {path, run_dir, parsed->has("verbose")}, {*duration, *idle});
}

}  // namespace weir::controlplane::cli
