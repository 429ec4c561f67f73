#include "dataplane/capture/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::dataplane::capture {
namespace {

constexpr uint32_t kPatienceMs = 50;  ///< between two looks at `hurry`

}  // namespace

Result<Output> Output::take(Descriptor descriptor) {
    struct stat status{};
    const int flags = ::fcntl(descriptor.get(), F_GETFL);
    if (flags < 0 || ::fstat(descriptor.get(), &status) != 0)
        return fail(ErrorKind::kInvalid, "output: no descriptor of it came with the frame");
    if ((flags & O_ACCMODE) == O_RDONLY)
        return fail(ErrorKind::kInvalid, "output: open for reading only, expected for writing");
    if (S_ISREG(status.st_mode)) return Output(std::move(descriptor), Kind::File);
    if (S_ISSOCK(status.st_mode)) return Output(std::move(descriptor), Kind::Socket);
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
        return Output(std::move(descriptor), Kind::Stream);
    return fail(
        ErrorKind::kInvalid,
        fmt::format("output: of mode {:o}, expected a file, a pipe or a socket", status.st_mode));
}

bool Output::wait_for_reader(const std::atomic<bool>& hurry) const {
    for (uint32_t hurried_ms = 0; hurried_ms < kLastWordsMs;) {
        pollfd entry{descriptor_.get(), POLLOUT, 0};
        if (::poll(&entry, 1, kPatienceMs) > 0) return true;
        if (hurry.load(std::memory_order_relaxed)) hurried_ms += kPatienceMs;
    }
    return false;
}

/// The flags of the open file are its opener's too, so O_NONBLOCK is not for us to set: a pipe that
/// is ready has room for PIPE_BUF bytes.
ssize_t Output::write_some(ByteSpan bytes) const {
    switch (kind_) {
        case Kind::File: break;
        case Kind::Stream: bytes = bytes.first(std::min<size_t>(bytes.size(), PIPE_BUF)); break;
        case Kind::Socket:
            return ::send(descriptor_.get(), bytes.data(), bytes.size(),
                          MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    return ::write(descriptor_.get(), bytes.data(), bytes.size());
}

Output::Written Output::write(ByteSpan bytes, const std::atomic<bool>& hurry) {
    Written written;
    while (written.done < bytes.size()) {
        if (kind_ != Kind::File && !wait_for_reader(hurry)) {
            written.error = ETIMEDOUT;
            return written;
        }
        const ssize_t count = write_some(bytes.subspan(written.done));
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count < 0) {
            written.error = errno;
            return written;
        }
        written.done += static_cast<size_t>(count);
    }
    return written;
}

void Output::take_back(size_t bytes) {
    if (kind_ != Kind::File || bytes == 0) return;
    const off_t end = ::lseek(descriptor_.get(), 0, SEEK_CUR);
    const off_t whole = end - static_cast<off_t>(bytes);
    if (end < 0 || ::ftruncate(descriptor_.get(), whole) != 0) return;
    ::lseek(descriptor_.get(), whole, SEEK_SET);
}

}  // namespace weir::dataplane::capture
