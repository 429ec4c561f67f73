#pragma once
// The command socket: accepts peers, checks who they are, hands whole frames to the commands one by
// one. One thread, one poll loop; a slow or hostile peer costs its own connection and nothing else.

#include <sys/types.h>

#include <memory>
#include <set>
#include <vector>

#include "dataplane/connection.h"

namespace weir::dataplane {

constexpr size_t kConnectionsMax = 32;

/// What the server does with frames.
class FrameSink {
public:
    virtual ~FrameSink() = default;
    /// The whole reply frame. `malformed` is set when the frame breaks the protocol: the reply is
    /// sent and the connection ends.
    virtual Bytes answer(Owner owner, const Frame& frame, bool& malformed) = 0;
    virtual void disconnected(Owner owner) = 0;
    /// Now and then, at least each kTickMs.
    virtual void tick() = 0;
    /// Something to poll besides sockets: readable when tick() has work. -1: nothing yet.
    virtual int wake_fd() const { return -1; }
    /// True ends the loop once replies are out.
    virtual bool wants_shutdown() const = 0;
};

constexpr int kTickMs = 500;

class Server {
public:
    /// Takes the listening socket over. Peers: root, this process's own user, and `allowed`.
    Server(int listen_fd, const std::vector<uid_t>& allowed, FrameSink& sink,
           Patience patience = {});
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Serves until the sink wants a shutdown or `stop_fd` becomes readable.
    void run(int stop_fd);

private:
    using Peer = std::unique_ptr<Connection>;

    bool serve_once(int stop_fd);  ///< false: stop_fd is readable
    void accept_all();
    /// Who cannot be accepted (no descriptor is free) stays in the backlog: asking again at once
    /// would only spin.
    void postpone_accept(int error);
    void turn_away(int fd, const std::string& reason);
    bool serve(Connection& peer, short events);  ///< false: the connection is over
    void answer(Connection& peer);
    void drop(size_t index);
    void drop_late();
    bool output_pending() const;

    int listen_fd_;
    std::set<uid_t> allowed_;
    FrameSink& sink_;
    Patience patience_;
    std::vector<Peer> peers_;
    Owner next_owner_ = 1;
    Clock::time_point accept_again_{};
};

/// An Error frame; texts are cut to what a frame may hold.
Bytes error_frame(const Error& error, std::optional<vm::Rejection> rejection = std::nullopt);

}  // namespace weir::dataplane
