#pragma once
// The run directory: one dataplane per directory, its lock, its command socket.

#include <sys/types.h>

#include <optional>
#include <string>

#include "dataplane/api/frame.h"
#include "vm/base/result.h"

namespace weir::dataplane {

using api::kSocketName;
constexpr const char* kLockName = "dataplane.lock";

/// Holds the directory while it lives; the kernel lets go of the lock with the process, however
/// that ends.
class RunDir {
public:
    /// Makes the directory (0750) where it is missing. Refused while another dataplane has it,
    /// naming that one's pid. `peer`: a user besides root who is to reach the socket; directory and
    /// socket get his group.
    static Result<RunDir> claim(const std::string& path, std::optional<uid_t> peer);
    RunDir(RunDir&& other) noexcept;
    RunDir& operator=(RunDir&& other) noexcept;
    ~RunDir();  ///< removes the socket

    /// A listening Unix socket, mode 0660, in place of one that a dead process left behind. The
    /// caller closes it.
    Result<int> listen();
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

private:
    RunDir() = default;
    std::string path_;
    int lock_fd_ = -1;
    bool listening_ = false;
    std::optional<gid_t> group_;
};

}  // namespace weir::dataplane
