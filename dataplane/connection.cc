#include "dataplane/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

namespace weir::dataplane {
namespace {

constexpr size_t kChunkBytes =
    256u << 10;  ///< read at a time: memory grows as bytes come, not as a header promises

constexpr size_t kFilesMax = 4;  ///< in one message; the kernel closes what goes beyond

/// recv(), with the descriptors that came along: the last one stays.
ssize_t receive_some(int fd, std::span<uint8_t> bytes, Descriptor& file) {
    alignas(cmsghdr) uint8_t control[CMSG_SPACE(kFilesMax * sizeof(int))];
    iovec place{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0) return got;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int received = -1;
            std::memcpy(&received, CMSG_DATA(part) + i * sizeof received, sizeof received);
            file = Descriptor(received);
        }
    }
    return got;
}

}  // namespace

Connection::~Connection() {
    ::close(fd_);
}

size_t Connection::wanted_bytes() const {
    return header_ ? api::kFrameHeaderBytes + header_->length : api::kFrameHeaderBytes;
}

bool Connection::receive(Clock::time_point now) {
    while (!header_error_ && input_.size() < wanted_bytes()) {
        const size_t start = input_.size();
        if (start == 0) since_ = now;
        const size_t ask = std::min(wanted_bytes() - start, kChunkBytes);
        input_.resize(start + ask);
        const ssize_t got = receive_some(fd_, {input_.data() + start, ask}, file_);
        input_.resize(start + static_cast<size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return true;
        if (got <= 0) return false;
        if (header_ || input_.size() < api::kFrameHeaderBytes) continue;
        Result<api::FrameHeader> header = api::read_frame_header(input_);
        if (header)
            header_ = *header;
        else
            header_error_ = header.error();
    }
    return true;
}

Result<std::optional<Frame>> Connection::take_frame() {
    if (header_error_) return std::unexpected(*header_error_);
    if (!header_ || input_.size() < wanted_bytes()) return std::nullopt;
    Frame frame{header_->type, Bytes(input_.begin() + api::kFrameHeaderBytes, input_.end()),
                std::move(file_)};
    input_ = Bytes();
    header_.reset();
    return frame;
}

void Connection::send(Bytes frame, Clock::time_point now) {
    output_ = std::move(frame);
    output_sent_ = 0;
    since_ = now;
}

bool Connection::flush(Clock::time_point now) {
    while (has_output()) {
        const ssize_t sent = ::send(fd_, output_.data() + output_sent_,
                                    output_.size() - output_sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EAGAIN;
        since_ = now;
        output_sent_ += static_cast<size_t>(sent);
        if (output_sent_ == output_.size()) output_ = Bytes();
    }
    return true;
}

std::optional<Clock::time_point> Connection::deadline() const {
    if (has_output()) return since_ + patience_.unread_reply;
    if (!input_.empty()) return since_ + patience_.half_frame;
    return std::nullopt;
}

}  // namespace weir::dataplane
