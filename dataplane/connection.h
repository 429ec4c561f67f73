#pragma once
// One peer of the command socket: bytes in until a frame is whole, bytes out until the reply is
// gone. Bounded both ways; never blocks. Control thread only.

#include <chrono>
#include <optional>

#include "dataplane/api/frame.h"
#include "dataplane/registry.h"
#include "vm/base/descriptor.h"

namespace weir::dataplane {

using Clock = std::chrono::steady_clock;

struct Frame {
    uint16_t type = 0;
    Bytes body;
    Descriptor file;  ///< that came with it (SCM_RIGHTS), the last if several did
};

/// How long a peer may leave things half done.
struct Patience {
    std::chrono::milliseconds half_frame{10'000};
    std::chrono::milliseconds unread_reply{10'000};
};

class Connection {
public:
    Connection(int fd, Owner owner, Patience patience)
        : fd_(fd), owner_(owner), patience_(patience) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    int fd() const { return fd_; }
    Owner owner() const { return owner_; }

    /// Reads what is there, at most up to the end of one frame. False: the peer is gone.
    bool receive(Clock::time_point now);
    /// The frame, once it is whole; an error for a header that is none of ours. After a frame the
    /// next may be received.
    Result<std::optional<Frame>> take_frame();

    void send(Bytes frame, Clock::time_point now);
    /// Writes what the socket takes. False: the peer is gone.
    bool flush(Clock::time_point now);
    bool has_output() const { return !output_.empty(); }
    /// Ends the connection when the output is gone; nothing is read any more.
    void close_after_output() { closing_ = true; }
    bool closing() const { return closing_; }

    /// When a half-received frame or an unread reply has waited too long; nullopt while nothing is
    /// half done.
    std::optional<Clock::time_point> deadline() const;

private:
    size_t wanted_bytes() const;

    int fd_;
    Owner owner_;
    Patience patience_;
    Bytes input_;
    Descriptor file_;  ///< came with the bytes of input_
    std::optional<api::FrameHeader> header_;
    std::optional<Error> header_error_;
    Bytes output_;
    size_t output_sent_ = 0;
    bool closing_ = false;
    Clock::time_point since_{};  ///< first byte of the frame, or last progress of the output
};

}  // namespace weir::dataplane
