#include "dataplane/run_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace weir::dataplane {
namespace {

constexpr int kBacklog = 16;

std::unexpected<Error> system_error(const std::string& path, const char* what) {
    return fail(ErrorKind::kResource, fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

std::string holder_of(int lock_fd) {
    char text[32] = {};
    const ssize_t got = ::pread(lock_fd, text, sizeof text - 1, 0);
    return got > 0 ? std::string(text, static_cast<size_t>(got)) : "?";
}

Result<int> lock(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return system_error(path, "cannot be opened");
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        const std::string holder = holder_of(fd);
        ::close(fd);
        errno = error;
        if (error != EWOULDBLOCK) return system_error(path, "cannot be locked");
        return fail(
            ErrorKind::kResource,
            fmt::format(
                "{}: control socket in use by pid {}; stop that one or give another --run-dir",
                std::filesystem::path(path).parent_path().string(), holder));
    }
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
        const auto error = system_error(path, "cannot be written");
        ::close(fd);
        return error;
    }
    return fd;
}

Result<gid_t> group_of(uid_t user) {
    errno = 0;
    const passwd* entry = ::getpwuid(user);
    if (entry) return entry->pw_gid;
    return fail(ErrorKind::kNotFound, fmt::format("--allow-uid {}: no user has this number", user));
}

}  // namespace

Result<RunDir> RunDir::claim(const std::string& path, std::optional<uid_t> peer) {
    RunDir dir;
    dir.path_ = path;
    if (peer && *peer != 0) {
        const Result<gid_t> group = group_of(*peer);
        if (!group) return std::unexpected(group.error());
        dir.group_ = *group;
    }
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (error)
        return fail(ErrorKind::kResource,
                    fmt::format("{}: cannot be made: {}", path, error.message()));
    const bool is_new = ::mkdir(path.c_str(), 0750) == 0;
    if (!is_new && errno != EEXIST) return system_error(path, "cannot be made");
    if (dir.group_ && ::chown(path.c_str(), static_cast<uid_t>(-1), *dir.group_) != 0)
        return system_error(path, "chown");
    Result<int> held = lock(dir.file(kLockName));
    if (!held) return std::unexpected(held.error());
    dir.lock_fd_ = *held;
    return dir;
}

RunDir::RunDir(RunDir&& other) noexcept
    : path_(std::move(other.path_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      listening_(std::exchange(other.listening_, false)),
      group_(other.group_) {}

RunDir& RunDir::operator=(RunDir&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(lock_fd_, other.lock_fd_);
    std::swap(listening_, other.listening_);
    std::swap(group_, other.group_);
    return *this;
}

RunDir::~RunDir() {
    if (listening_) ::unlink(file(kSocketName).c_str());
    if (lock_fd_ >= 0) ::close(lock_fd_);
}

Result<int> RunDir::listen() {
    const std::string path = file(kSocketName);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("--run-dir {}: too long for a socket, at most {} bytes", path_,
                                sizeof address.sun_path - std::strlen(kSocketName) - 2));
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return system_error(path, "socket");
    const auto refuse = [&](const char* what) {
        const auto error = system_error(path, what);
        ::close(fd);
        return error;
    };
    ::unlink(path.c_str());  // we hold the lock, so whoever made it is gone
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return refuse("bind");
    listening_ = true;
    // Between bind and chmod a stranger may connect; the uid check turns him away.
    if (::chmod(path.c_str(), 0660) != 0) return refuse("chmod");
    if (group_ && ::chown(path.c_str(), static_cast<uid_t>(-1), *group_) != 0)
        return refuse("chown");
    if (::listen(fd, kBacklog) != 0) return refuse("listen");
    return fd;
}

}  // namespace weir::dataplane
