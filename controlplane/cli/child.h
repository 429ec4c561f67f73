#pragma once
// A process that `weir run` started, with its log.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "vm/base/result.h"

namespace weir::controlplane::cli {

/// How a process ended: "exit status 2", "killed by signal 9 (Killed)".
std::string describe_end(int wait_status);

/// Ends with us: the kernel sends it SIGTERM when we die. In a process group of its own, so that
/// Ctrl-C reaches us alone. Its standard error comes through a pipe, line by line.
class Child {
public:
    static Result<Child> start(const std::string& path, const std::vector<std::string>& arguments);
    Child(Child&& other) noexcept;
    Child& operator=(Child&& other) noexcept;
    ~Child();  ///< kills and waits if it still runs

    pid_t pid() const { return pid_; }
    /// The wait status once it has ended; asks without waiting.
    std::optional<int> ended();
    /// Lines that it wrote since the last call; the unfinished rest too once it has ended.
    std::vector<std::string> take_lines();
    void signal(int number);
    /// SIGTERM, then SIGKILL after `patience_ms`; returns when it is gone.
    void stop(uint32_t patience_ms);

private:
    Child(pid_t pid, int log_fd) : pid_(pid), log_fd_(log_fd) {}
    void close_log();

    pid_t pid_ = -1;
    int log_fd_ = -1;
    std::optional<int> wait_status_;
    std::string partial_;
};

/// The program beside this one: in its folder, or where the build leaves it. Empty: nowhere.
std::string find_beside(const std::string& name, const std::string& build_folder);

}  // namespace weir::controlplane::cli
