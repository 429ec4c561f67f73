#pragma once
// The control plane's listeners. One thread moves bytes, a small pool answers, so that a slow
// client or a long deployment holds up nobody else's scrape. Requests, answers, connections and
// times are bounded.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controlplane/api/http_message.h"

namespace weir::controlplane {

constexpr uint32_t kHttpThreads = 4;
constexpr uint32_t kHttpConnectionsMax = 64;
constexpr uint32_t kHttpIdleSeconds = 30;  ///< to send a request, or to take an answer

/// Called on any of the pool's threads.
using HttpHandler = std::function<HttpAnswer(const HttpRequest&)>;

class HttpServer {
public:
    HttpServer();
    ~HttpServer();  ///< stops, and removes Unix sockets

    /// Replaces a socket that nobody listens on; one in use is kResource. Mode 0660.
    Result<void> listen_unix(const std::string& path, HttpHandler handler);
    Result<void> listen_tcp(const std::string& host, uint16_t port, HttpHandler handler);
    /// Runs until SIGINT, SIGTERM or stop(); before it, both do what they did. `tick` is called on
    /// the pool every `tick_ms`, never twice at once; what it throws is logged.
    void run(uint32_t tick_ms, std::function<void()> tick);
    void stop();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace weir::controlplane
