#include "controlplane/cli/child.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

namespace weir::controlplane::cli {
namespace {

constexpr int kExecFailed = 127;
constexpr size_t kLogLineBytesMax = 8192;

/// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(const char* path, char* const* arguments, int log_fd, pid_t parent) {
    // Not SIGTERM: a dataplane that ends in order gives its interfaces back to the host, which only
    // who stops it on purpose may want.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(kExecFailed);  // the parent died before the line above
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    dup2(log_fd, STDERR_FILENO);
    dup2(log_fd, STDOUT_FILENO);
    execv(path, arguments);
    constexpr char kMessage[] = "cannot execute\n";
    [[maybe_unused]] const ssize_t wrote = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
    _exit(kExecFailed);
}

}  // namespace

std::string describe_end(int wait_status) {
    if (WIFEXITED(wait_status)) return fmt::format("exit status {}", WEXITSTATUS(wait_status));
    const int number = WTERMSIG(wait_status);
    return fmt::format("killed by signal {} ({})", number, strsignal(number));
}

Result<Child> Child::start(const std::string& path, const std::vector<std::string>& arguments) {
    int log[2];
    if (pipe2(log, O_CLOEXEC) != 0)
        return fail(ErrorKind::kResource, fmt::format("pipe: {}", std::strerror(errno)));
    fcntl(log[0], F_SETFL, O_NONBLOCK);
    std::vector<char*> words = {const_cast<char*>(path.c_str())};
    for (const std::string& argument : arguments)
        words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) become(path.c_str(), words.data(), log[1], parent);
    close(log[1]);
    if (pid > 0) return Child(pid, log[0]);
    close(log[0]);
    return fail(ErrorKind::kResource,
                fmt::format("{}: cannot start: {}", path, std::strerror(errno)));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      log_fd_(std::exchange(other.log_fd_, -1)),
      wait_status_(other.wait_status_),
      partial_(std::move(other.partial_)) {}

Child& Child::operator=(Child&& other) noexcept {
    if (this == &other) return *this;
    stop(0);
    close_log();
    pid_ = std::exchange(other.pid_, -1);
    log_fd_ = std::exchange(other.log_fd_, -1);
    wait_status_ = other.wait_status_;
    partial_ = std::move(other.partial_);
    return *this;
}

Child::~Child() {
    stop(0);
    close_log();
}

void Child::close_log() {
    if (log_fd_ >= 0) close(std::exchange(log_fd_, -1));
}

std::optional<int> Child::ended() {
    if (wait_status_ || pid_ < 0) return wait_status_;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) wait_status_ = status;
    return wait_status_;
}

std::vector<std::string> Child::take_lines() {
    std::vector<std::string> lines;
    const bool over = ended().has_value();
    char block[4096];
    while (log_fd_ >= 0) {
        const ssize_t got = read(log_fd_, block, sizeof block);
        if (got <= 0) break;
        partial_.append(block, static_cast<size_t>(got));
    }
    for (size_t end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n')) {
        lines.push_back(partial_.substr(0, end));
        partial_.erase(0, end + 1);
    }
    if (!partial_.empty() && (over || partial_.size() > kLogLineBytesMax))
        lines.push_back(std::exchange(partial_, ""));
    return lines;
}

void Child::signal(int number) {
    if (pid_ > 0 && !ended()) kill(pid_, number);
}

void Child::stop(uint32_t patience_ms) {
    if (pid_ < 0 || ended()) return;
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(patience_ms);
    signal(patience_ms == 0 ? SIGKILL : SIGTERM);
    while (!ended() && Clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (ended()) return;
    kill(pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    wait_status_ = status;
}

std::string find_beside(const std::string& name, const std::string& build_folder) {
    namespace fs = std::filesystem;
    std::error_code problem;
    const fs::path folder = fs::read_symlink("/proc/self/exe", problem).parent_path();
    for (const fs::path& candidate : {folder / name, folder.parent_path() / build_folder / name})
        if (access(candidate.c_str(), X_OK) == 0) return candidate.string();
    return {};
}

}  // namespace weir::controlplane::cli
