#pragma once
// Where the words of EAL, drivers and their libraries go: to our log at debug level, and into a
// short memory from which an error takes the cause. Nothing of theirs reaches stderr while a
// capture is alive.

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weir::dataplane {

/// The last lines that DPDK logged, newest last. Any thread.
class EalLog {
public:
    /// Sends DPDK's log into the one instance. Idempotent; call before rte_eal_init.
    static EalLog& install();

    void append(std::string_view text);
    /// Number of lines so far, for `cause_since`.
    size_t mark() const;
    /// The line since `mark` that most likely names the cause: a driver's before EAL's own, the
    /// first before the last. Empty when nothing was said.
    std::string cause_since(size_t mark) const;

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
    size_t dropped_ = 0;  ///< lines that were forgotten, kLinesMax stay
    std::string partial_;
};

/// Points file descriptor 2 at memory while it lives: libbpf, libxdp and EAL's init write there
/// directly. What was caught goes to the EalLog at the end. One at a time; the process's other
/// threads are silent meanwhile, too.
class StderrCapture {
public:
    StderrCapture();
    ~StderrCapture();
    StderrCapture(const StderrCapture&) = delete;
    StderrCapture& operator=(const StderrCapture&) = delete;
    /// Moves what was caught so far into the EalLog.
    void collect();

private:
    int saved_fd_ = -1;
    int memory_fd_ = -1;
};

}  // namespace weir::dataplane
