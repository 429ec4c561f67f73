#include "controlplane/cli/foreground.h"

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/node_client.h"
#include "dataplane/api/client.h"

namespace weir::controlplane::cli {
namespace {

constexpr auto kReadyWait = std::chrono::seconds(60);
constexpr auto kReadyPoll = std::chrono::milliseconds(10);
constexpr auto kSettled =
    std::chrono::seconds(5);  ///< alive for so long: an earlier death does not count any more
constexpr uint32_t kQuestionMs = 2'000;
constexpr uint32_t kControlPatienceMs = 3'000;
constexpr uint32_t kDataplanePatienceMs = 10'000;  ///< it drains and closes ports
constexpr const char* kReplayName = "confirmed.replay";

void say(const std::string& message) {
    fmt::print(stderr, "weir: {}\n", message);
}

/// "weir-dataplane: lcore 99 …" -> "lcore 99 …".
std::string without_name(const std::string& line, const std::string& name) {
    return line.starts_with(name + ": ") ? line.substr(name.size() + 2) : line;
}

}  // namespace

Foreground::~Foreground() {
    stop();
}

Result<void> Foreground::start_dataplane(bool from_replay) {
    const std::string path = find_beside("weir-dataplane", "dataplane");
    if (path.empty())
        return fail(ErrorKind::kResource, "weir-dataplane: not found beside this program");
    std::vector<std::string> arguments = {"--run-dir", settings_.run_dir, "--log-level",
                                          settings_.verbose ? "info" : "warning"};
    if (from_replay) {
        arguments.emplace_back("--replay");
        arguments.push_back(settings_.run_dir + "/" + kReplayName);
    }
    Result<Child> child = Child::start(path, arguments);
    if (!child) return std::unexpected(child.error());
    dataplane_.emplace(std::move(*child));
    dataplane_started_ = Clock::now();
    return {};
}

Result<void> Foreground::start_control() {
    const std::string path = find_beside("weir-controlplane", "controlplane");
    if (path.empty())
        return fail(ErrorKind::kResource, "weir-controlplane: not found beside this program");
    std::vector<std::string> arguments = {"--run-dir", settings_.run_dir, "--config",
                                          settings_.config_file};
    if (!settings_.verbose) arguments.emplace_back("--quiet");
    Result<Child> child = Child::start(path, arguments);
    if (!child) return std::unexpected(child.error());
    control_.emplace(std::move(*child));
    control_started_ = Clock::now();
    return {};
}

Result<void> Foreground::start() {
    if (const Result<dataplane::api::Client> other =
            dataplane::api::Client::connect(dataplane_socket());
        other)
        return fail(ErrorKind::kResource,
                    settings_.run_dir +
                        ": control socket in use by another node, expected a run_dir of its own");
    Result<void> started = start_dataplane(false);
    if (started) started = wait_for_dataplane();
    if (started) started = start_control();
    if (started) started = wait_until_ready();
    if (!started) stop();
    return started;
}

std::string Foreground::dataplane_socket() const {
    return settings_.run_dir + "/" + kDataplaneSocketName;
}

/// The control plane must not meet another node's dataplane: it starts when ours has taken the run
/// directory.
Result<void> Foreground::wait_for_dataplane() {
    const Clock::time_point deadline = Clock::now() + kReadyWait;
    while (Clock::now() < deadline) {
        if (const std::optional<int> end = dataplane_->ended())
            return std::unexpected(startup_error("dataplane", *dataplane_, *end));
        pass_on(*dataplane_);
        if (dataplane::api::Client::connect(dataplane_socket())) return {};
        std::this_thread::sleep_for(kReadyPoll);
    }
    return fail(ErrorKind::kResource, "the dataplane did not open its socket within 60 s");
}

Error Foreground::startup_error(const char* who, Child& child, int wait_status) {
    const std::string name = std::string("weir-") + who;
    pass_on(child);
    for (auto line = startup_lines_.rbegin(); line != startup_lines_.rend(); ++line) {
        if (!line->starts_with(name + ": ")) continue;
        const bool rejected = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kExitNo;
        return {rejected ? ErrorKind::kRejected : ErrorKind::kResource, without_name(*line, name)};
    }
    const std::string last = startup_lines_.empty() ? "" : "; last words: " + startup_lines_.back();
    return {ErrorKind::kResource,
            fmt::format("{} ended during the start: {}{}", name, describe_end(wait_status), last)};
}

Result<void> Foreground::wait_until_ready() {
    const Clock::time_point deadline = Clock::now() + kReadyWait;
    while (Clock::now() < deadline) {
        if (const std::optional<int> end = dataplane_->ended())
            return std::unexpected(startup_error("dataplane", *dataplane_, *end));
        if (const std::optional<int> end = control_->ended())
            return std::unexpected(startup_error("controlplane", *control_, *end));
        pass_on(*dataplane_);
        pass_on(*control_);
        const Result<Json> status =
            ask_node_in(settings_.run_dir, "GET", "/status", "", kQuestionMs);
        if (status && status->value("ready", false)) {
            ready_ = true;
            for (const std::string& line : startup_lines_) fmt::print(stderr, "{}\n", line);
            startup_lines_.clear();
            return {};
        }
        std::this_thread::sleep_for(kReadyPoll);
    }
    return fail(ErrorKind::kResource, "the node did not become ready within 60 s");
}

void Foreground::pass_on(Child& child) {
    for (std::string& line : child.take_lines()) {
        if (ready_)
            fmt::print(stderr, "{}\n", line);
        else
            startup_lines_.push_back(std::move(line));
    }
}

Result<void> Foreground::tend_control() {
    if (control_ && !control_->ended()) {
        if (Clock::now() - control_started_ > kSettled) control_failures_ = 0;
        return {};
    }
    if (control_) {
        say(fmt::format(
            "the control plane ended ({}); the dataplane goes on filtering; starting it again",
            describe_end(*control_->ended())));
        control_.reset();
        // At once the first time; a control plane that keeps dying is tried once a second.
        control_retry_ = Clock::now() + std::chrono::milliseconds(control_failures_ == 0 ? 0 : 900);
        ++control_failures_;
    }
    if (Clock::now() < control_retry_) return {};
    return start_control();
}

Result<void> Foreground::tend_dataplane() {
    const std::optional<int> end = dataplane_->ended();
    if (!end) return {};
    const std::string replay = settings_.run_dir + "/" + kReplayName;
    const bool died_young = Clock::now() - dataplane_started_ < kSettled;
    std::error_code problem;
    if (died_young || !std::filesystem::exists(replay, problem))
        return fail(
            ErrorKind::kResource,
            fmt::format("the dataplane ended ({}){}", describe_end(*end),
                        died_young ? " soon after its start"
                                   : " and there is no " + replay + " to start it again from"));
    say(fmt::format("the dataplane ended ({}); starting it again from {}", describe_end(*end),
                    replay));
    return start_dataplane(true);
}

Result<void> Foreground::tend() {
    if (control_) pass_on(*control_);
    pass_on(*dataplane_);
    if (const Result<void> tended = tend_dataplane(); !tended) return tended;
    return tend_control();
}

std::optional<Json> Foreground::stats() const {
    Result<Json> stats = ask_node_in(settings_.run_dir, "GET", "/stats", "", kQuestionMs);
    if (!stats) return std::nullopt;
    return std::move(*stats);
}

void Foreground::stop() {
    // The control plane first, so that it does not complain about a dataplane that goes away.
    if (control_) control_->stop(kControlPatienceMs);
    if (dataplane_) dataplane_->stop(kDataplanePatienceMs);
    const bool ours = control_.has_value() || dataplane_.has_value();
    if (control_) pass_on(*control_);
    if (dataplane_) pass_on(*dataplane_);
    control_.reset();
    dataplane_.reset();
    if (!ours || !ready_) return;
    unlink((settings_.run_dir + "/" + kControlSocketName).c_str());
    unlink((settings_.run_dir + "/" + kDataplaneSocketName).c_str());
}

}  // namespace weir::controlplane::cli
