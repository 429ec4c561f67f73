#include "jit/perf_map.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace weir::jit {

Result<void> append_perf_map(const CompiledProgram& program, std::string_view name) {
    const std::span<const uint8_t> code = program.code();
    if (code.empty()) return {};
    const std::string path = fmt::format("/tmp/perf-{}.map", ::getpid());
    // No symlinks: /tmp is everybody's, and this may run as root.
    const int fd =
        ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(ErrorKind::kResource, fmt::format("{}: {}", path, std::strerror(errno)));
    const std::string line = fmt::format(
        "{:x} {:x} weir:{}\n", reinterpret_cast<uint64_t>(code.data()), code.size(), name);
    const ssize_t written = ::write(fd, line.data(), line.size());
    const int write_errno = errno;
    ::close(fd);
    if (written != static_cast<ssize_t>(line.size()))
        return fail(
            ErrorKind::kResource,
            fmt::format("{}: {}", path, written < 0 ? std::strerror(write_errno) : "cut short"));
    return {};
}

}  // namespace weir::jit
