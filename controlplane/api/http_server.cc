#include "controlplane/api/http_server.h"

#include <fmt/core.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <type_traits>
#include <vector>

namespace weir::controlplane {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Local = asio::local::stream_protocol;
using Tcp = asio::ip::tcp;

constexpr uint32_t kHeaderBytesMax = 16u << 10;

struct Shared {
    asio::io_context io{1};
    asio::thread_pool pool{kHttpThreads};
    std::atomic<uint32_t> connections{0};
};

template <typename Protocol>
constexpr size_t request_bytes_max() {
    return std::is_same_v<Protocol, Tcp> ? kScrapeBytesMax : kRequestBytesMax;
}

/// One connection: read a request, answer it on the pool, write, and again while the client keeps
/// the connection.
template <typename Protocol>
class Session : public std::enable_shared_from_this<Session<Protocol>> {
public:
    Session(typename Protocol::socket socket, Shared& shared, const HttpHandler& handler)
        : stream_(std::move(socket)), shared_(shared), handler_(handler) {
        shared_.connections.fetch_add(1, std::memory_order_relaxed);
    }
    ~Session() { shared_.connections.fetch_sub(1, std::memory_order_relaxed); }

    void read() {
        parser_.emplace();
        parser_->body_limit(request_bytes_max<Protocol>());
        parser_->header_limit(kHeaderBytesMax);
        stream_.expires_after(std::chrono::seconds(kHttpIdleSeconds));
        http::async_read(stream_, buffer_, *parser_,
                         [self = this->shared_from_this()](error_code error, size_t) {
                             if (error) return self->refuse(error);
                             self->stream_.expires_never();
                             asio::post(self->shared_.pool, [self] { self->answer(); });
                         });
    }

private:
    /// A request too large gets told so; whatever else goes wrong ends the connection.
    void refuse(error_code error) {
        if (error != http::error::body_limit && error != http::error::header_limit) return;
        keep_ = false;
        write(error_answer(
            {ErrorKind::kInvalid, fmt::format("the request is too large, expected at most {} bytes",
                                              request_bytes_max<Protocol>())}));
    }

    HttpAnswer answer_of_handler() {
        HttpRequest request;
        request.method = std::string(parser_->get().method_string());
        split_target({parser_->get().target().data(), parser_->get().target().size()}, request);
        const auto type = parser_->get()[http::field::content_type];
        request.type.assign(type.data(), type.size());
        request.body = std::move(parser_->get().body());
        return handler_(request);
    }

    void answer() {
        keep_ = parser_->get().keep_alive();
        HttpAnswer made;
        try {
            made = answer_of_handler();
        } catch (const std::exception&
                     error) {  // memory, or a library's exception that a border let through
            made = error_answer({ErrorKind::kResource, error.what()});
        }
        asio::post(stream_.get_executor(),
                   [self = this->shared_from_this(), made = std::move(made)]() mutable {
                       self->write(std::move(made));
                   });
    }

    void write(HttpAnswer made) {
        response_ = {};
        response_.result(made.status);
        response_.version(11);
        response_.set(http::field::content_type, made.type);
        response_.keep_alive(keep_);
        response_.body() = std::move(made.body);
        response_.prepare_payload();
        stream_.expires_after(std::chrono::seconds(kHttpIdleSeconds));
        http::async_write(stream_, response_,
                          [self = this->shared_from_this()](error_code error, size_t) {
                              if (error || !self->keep_) return;
                              self->read();
                          });
    }

    beast::basic_stream<Protocol> stream_;
    Shared& shared_;
    const HttpHandler& handler_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    http::response<http::string_body> response_;
    bool keep_ = false;
};

template <typename Protocol>
class Listener {
public:
    Listener(typename Protocol::acceptor acceptor, Shared& shared, HttpHandler handler)
        : acceptor_(std::move(acceptor)), shared_(shared), handler_(std::move(handler)) {
        accept();
    }

private:
    void accept() {
        acceptor_.async_accept([this](error_code error, typename Protocol::socket socket) {
            if (error == asio::error::operation_aborted) return;
            if (!error && shared_.connections.load(std::memory_order_relaxed) < kHttpConnectionsMax)
                std::make_shared<Session<Protocol>>(std::move(socket), shared_, handler_)->read();
            accept();
        });
    }

    typename Protocol::acceptor acceptor_;
    Shared& shared_;
    HttpHandler handler_;
};

/// The pool's border: an exception that left it would end the process.
void run_tick(const std::function<void()>& tick) {
    try {
        tick();
    } catch (const std::exception& error) {  // the next one may have the memory that this had not
        spdlog::error("the control plane's watch failed: {}", error.what());
    }
}

bool somebody_listens(asio::io_context& io, const std::string& path) {
    Local::socket probe(io);
    error_code error;
    probe.connect(Local::endpoint(path), error);
    return !error;
}

}  // namespace

struct HttpServer::State {
    Shared shared;
    std::vector<std::unique_ptr<Listener<Local>>> local;
    std::vector<std::unique_ptr<Listener<Tcp>>> tcp;
    std::vector<std::string> socket_paths;
    asio::steady_timer timer{shared.io};

    void schedule(uint32_t tick_ms, const std::function<void()>& tick) {
        timer.expires_after(std::chrono::milliseconds(tick_ms));
        timer.async_wait([this, tick_ms, tick](error_code error) {
            if (error) return;
            asio::post(shared.pool, [this, tick_ms, tick] {
                run_tick(tick);
                asio::post(shared.io, [this, tick_ms, tick] { schedule(tick_ms, tick); });
            });
        });
    }
};

HttpServer::HttpServer() : state_(std::make_unique<State>()) {}

HttpServer::~HttpServer() {
    stop();
    state_->shared.pool.join();
    for (const std::string& path : state_->socket_paths) unlink(path.c_str());
}

Result<void> HttpServer::listen_unix(const std::string& path, HttpHandler handler) {
    try {
        if (somebody_listens(state_->shared.io, path))
            return fail(
                ErrorKind::kResource,
                fmt::format("{}: in use by another control plane, expected a run_dir of its own",
                            path));
        unlink(path.c_str());
        Local::acceptor acceptor(state_->shared.io, Local::endpoint(path));
        chmod(path.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP);
        state_->socket_paths.push_back(path);
        state_->local.push_back(std::make_unique<Listener<Local>>(
            std::move(acceptor), state_->shared, std::move(handler)));
    } catch (const std::exception& error) {
        return fail(ErrorKind::kResource, fmt::format("{}: cannot listen: {}", path, error.what()));
    }
    return {};
}

Result<void> HttpServer::listen_tcp(const std::string& host, uint16_t port, HttpHandler handler) {
    try {
        const Tcp::endpoint endpoint(asio::ip::make_address(host), port);
        Tcp::acceptor acceptor(state_->shared.io, endpoint, true);
        state_->tcp.push_back(std::make_unique<Listener<Tcp>>(std::move(acceptor), state_->shared,
                                                              std::move(handler)));
    } catch (const std::exception& error) {
        return fail(ErrorKind::kResource,
                    fmt::format("metrics.listen: value '{}:{}': cannot listen: {}", host, port,
                                error.what()));
    }
    return {};
}

void HttpServer::run(uint32_t tick_ms, std::function<void()> tick) {
    asio::signal_set signals(state_->shared.io, SIGINT, SIGTERM);
    signals.async_wait([this](error_code error, int) {
        if (!error) stop();
    });
    state_->schedule(tick_ms, tick);
    state_->shared.io.run();
}

void HttpServer::stop() {
    state_->shared.io.stop();
}

}  // namespace weir::controlplane
