#include "dataplane/server.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/api/codec.h"
#include "dataplane/api/fields.h"

namespace weir::dataplane {
namespace {

constexpr auto kLastReplyTime =
    std::chrono::seconds(2);  ///< for replies that wait when the loop ends

void clip(std::string& text, size_t bytes_max) {
    text.resize(std::min(text.size(), bytes_max));
}

std::string list(const std::set<uid_t>& users) {
    std::string text;
    for (const uid_t user : users) text += (text.empty() ? "" : ", ") + std::to_string(user);
    return text;
}

}  // namespace

Bytes error_frame(const Error& error, std::optional<vm::Rejection> rejection) {
    api::ErrorReply reply{error.kind, error.message, std::move(rejection)};
    clip(reply.message, api::kTextBytesMax);
    if (reply.rejection) {
        clip(reply.rejection->rule, kNameBytesMax);
        clip(reply.rejection->line, api::kTextBytesMax);
        clip(reply.rejection->message, api::kTextBytesMax);
        clip(reply.rejection->state, api::kTextBytesMax);
    }
    return api::make_frame(api::FrameType::Error, api::encode(reply));
}

Server::Server(int listen_fd, const std::vector<uid_t>& allowed, FrameSink& sink, Patience patience)
    : listen_fd_(listen_fd),
      allowed_(allowed.begin(), allowed.end()),
      sink_(sink),
      patience_(patience) {
    allowed_.insert({uid_t{0}, ::geteuid()});
}

Server::~Server() {
    while (!peers_.empty()) drop(peers_.size() - 1);
    ::close(listen_fd_);
}

void Server::run(int stop_fd) {
    while (!sink_.wants_shutdown() && serve_once(stop_fd)) sink_.tick();
    const Clock::time_point deadline = Clock::now() + kLastReplyTime;
    while (output_pending() && Clock::now() < deadline && serve_once(-1)) {
    }
}

bool Server::output_pending() const {
    return std::ranges::any_of(peers_, [](const Peer& peer) { return peer->has_output(); });
}

bool Server::serve_once(int stop_fd) {
    const bool accepts = Clock::now() >= accept_again_;  // poll() passes over a descriptor of -1
    std::vector<pollfd> entries = {
        {stop_fd, POLLIN, 0}, {accepts ? listen_fd_ : -1, POLLIN, 0}, {sink_.wake_fd(), POLLIN, 0}};
    const size_t first_peer = entries.size();
    for (const Peer& peer : peers_) {
        entries.push_back(
            {peer->fd(), static_cast<short>(peer->has_output() ? POLLOUT : POLLIN), 0});
    }
    if (::poll(entries.data(), entries.size(), kTickMs) < 0) return true;  // EINTR
    if (entries[0].revents != 0) return false;
    for (size_t i = peers_.size(); i-- > 0;) {
        const short events = entries[first_peer + i].revents;
        if (events != 0 && !serve(*peers_[i], events)) drop(i);
    }
    drop_late();
    if (entries[1].revents != 0) accept_all();
    return true;
}

void Server::accept_all() {
    for (;;) {
        const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) {
            if (errno != EAGAIN) postpone_accept(errno);
            return;
        }
        ucred peer{};
        socklen_t length = sizeof peer;
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
            turn_away(fd, fmt::format("peer is unknown: {}", std::strerror(errno)));
        } else if (!allowed_.contains(peer.uid)) {
            turn_away(fd, fmt::format("peer has uid {}, allowed are {}", peer.uid, list(allowed_)));
        } else if (peers_.size() >= kConnectionsMax) {
            turn_away(
                fd, fmt::format("{} connections are open, the most there may be", kConnectionsMax));
        } else {
            spdlog::debug("peer {}: pid {} uid {} connected", next_owner_, peer.pid, peer.uid);
            peers_.push_back(std::make_unique<Connection>(fd, next_owner_++, patience_));
        }
    }
}

void Server::postpone_accept(int error) {
    spdlog::warn("command socket: cannot accept: {}", std::strerror(error));
    accept_again_ = Clock::now() + std::chrono::milliseconds(kTickMs);
}

void Server::turn_away(int fd, const std::string& reason) {
    spdlog::warn("command socket: refused: {}", reason);
    const Bytes frame = error_frame({ErrorKind::kResource, reason});
    // A fresh socket's buffer takes a frame this small; if it does not, the peer learns less.
    (void)::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(fd);
}

bool Server::serve(Connection& peer, short events) {
    if (peer.has_output()) {
        if (!peer.flush(Clock::now())) return false;
        return peer.has_output() || !peer.closing();
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && !peer.receive(Clock::now())) return false;
    answer(peer);
    return peer.has_output() || !peer.closing();
}

void Server::answer(Connection& peer) {
    Result<std::optional<Frame>> frame = peer.take_frame();
    bool malformed = !frame;
    if (frame && !*frame) return;
    Bytes reply =
        frame ? sink_.answer(peer.owner(), **frame, malformed) : error_frame(frame.error());
    if (malformed) {
        spdlog::warn("peer {}: malformed frame, the connection ends{}", peer.owner(),
                     frame ? "" : ": " + frame.error().message);
        peer.close_after_output();
    }
    peer.send(std::move(reply), Clock::now());
    if (!peer.flush(Clock::now())) peer.close_after_output();
}

void Server::drop(size_t index) {
    const Owner owner = peers_[index]->owner();
    peers_.erase(peers_.begin() + static_cast<ptrdiff_t>(index));
    spdlog::debug("peer {}: gone", owner);
    sink_.disconnected(owner);
}

void Server::drop_late() {
    const Clock::time_point now = Clock::now();
    for (size_t i = peers_.size(); i-- > 0;) {
        const std::optional<Clock::time_point> deadline = peers_[i]->deadline();
        if (!deadline || now < *deadline) continue;
        spdlog::warn("peer {}: {} for too long, the connection ends", peers_[i]->owner(),
                     peers_[i]->has_output() ? "left its reply unread" : "left a frame half sent");
        drop(i);
    }
}

}  // namespace weir::dataplane
