#include "dataplane/api/stream.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::dataplane::api {
namespace {

/// False at the deadline.
bool wait_for(int fd, short events, Deadline deadline) {
    for (;;) {
        pollfd entry{fd, events, 0};
        const int ready = ::poll(&entry, 1, remaining_ms(deadline));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
        if (ready == 0 && std::chrono::steady_clock::now() >= deadline) return false;
    }
}

}  // namespace

int remaining_ms(Deadline deadline) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT32_MAX));
}

Result<void> send_all(int fd, ByteSpan bytes, Deadline deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes = bytes.subspan(static_cast<size_t>(sent));
        } else if (errno == EAGAIN) {
            if (!wait_for(fd, POLLOUT, deadline)) {
                return fail(ErrorKind::kResource, "it does not read requests");
            }
        } else if (errno != EINTR) {
            return fail(ErrorKind::kResource,
                        fmt::format("sending failed: {}", std::strerror(errno)));
        }
    }
    return {};
}

Result<void> send_with_file(int fd, ByteSpan bytes, int file, Deadline deadline) {
    alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof file)] = {};
    iovec place{const_cast<uint8_t*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof file);
    std::memcpy(CMSG_DATA(part), &file, sizeof file);
    for (;;) {
        const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return send_all(fd, bytes.subspan(static_cast<size_t>(sent)), deadline);
        if (errno == EAGAIN && wait_for(fd, POLLOUT, deadline)) continue;
        if (errno != EINTR && errno != EAGAIN)
            return fail(ErrorKind::kResource,
                        fmt::format("sending failed: {}", std::strerror(errno)));
        if (remaining_ms(deadline) == 0)
            return fail(ErrorKind::kResource, "it does not read requests");
    }
}

Result<void> receive_all(int fd, std::span<uint8_t> bytes, Deadline deadline) {
    while (!bytes.empty()) {
        if (!wait_for(fd, POLLIN, deadline)) {
            return fail(ErrorKind::kResource, "no reply in time");
        }
        const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got > 0) {
            bytes = bytes.subspan(static_cast<size_t>(got));
        } else if (got == 0) {
            return fail(ErrorKind::kResource, "it closed the connection");
        } else if (errno != EINTR && errno != EAGAIN) {
            return fail(ErrorKind::kResource, std::strerror(errno));
        }
    }
    return {};
}

}  // namespace weir::dataplane::api
