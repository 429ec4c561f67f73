#include "controlplane/cli/foreground.h"

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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
/// Between a death and the next start, after the first: what keeps dying does not keep the machine
/// busy.
constexpr auto kRestartWait = std::chrono::seconds(1), kRestartWaitMax = std::chrono::seconds(30);
constexpr uint32_t kRestartDoublings = 5;
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
    dataplane_from_replay_ = from_replay;
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
    return settings_.run_dir + "/" + dataplane::api::kSocketName;
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

/// Dies once: started again at once. Dies again before it has run for kSettled: after 1 s, 2 s, …
void Foreground::note_dataplane_end(int wait_status) {
    const bool from_replay = dataplane_from_replay_;
    replay_refused_ = from_replay && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) != 0 &&
                      Clock::now() - dataplane_started_ < kSettled;
    const auto wait =
        dataplane_failures_ == 0
            ? std::chrono::seconds(0)
            : std::min<std::chrono::seconds>(
                  kRestartWaitMax,
                  kRestartWait * (1u << std::min(dataplane_failures_ - 1, kRestartDoublings)));
    ++dataplane_failures_;
    dataplane_retry_ = Clock::now() + wait;
    say(fmt::format("the dataplane ended ({}); starting it again{}", describe_end(wait_status),
                    wait.count() == 0 ? ""
                                      : fmt::format(" in {} s, after {} deaths in a row",
                                                    wait.count(), dataplane_failures_)));
    pass_on(*dataplane_);
    dataplane_.reset();
}

Result<void> Foreground::tend_dataplane() {
    if (dataplane_) {
        const std::optional<int> end = dataplane_->ended();
        if (!end) {
            if (Clock::now() - dataplane_started_ > kSettled) dataplane_failures_ = 0;
            return {};
        }
        note_dataplane_end(*end);
    }
    if (Clock::now() < dataplane_retry_) return {};
    // Without a file that it takes it starts empty, and the control plane deploys what ran.
    std::error_code problem;
    const bool has_replay = std::filesystem::exists(settings_.run_dir + "/" + kReplayName, problem);
    return start_dataplane(has_replay && !replay_refused_);
}

Result<void> Foreground::tend() {
    if (control_) pass_on(*control_);
    if (dataplane_) pass_on(*dataplane_);
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
    unlink((settings_.run_dir + "/" + dataplane::api::kSocketName).c_str());
}

}  // namespace weir::controlplane::cli
