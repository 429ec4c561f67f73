#include "controlplane/api/http_client.h"

#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

namespace weir::controlplane {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = boost::asio::local::stream_protocol;

/// Connect, write, read: each step starts the next; the stream's deadline covers all.
class Exchange {
public:
    Exchange(const std::string& method, const std::string& target, const std::string& body,
             uint32_t timeout_ms, const std::string& type)
        : stream_(io_) {
        request_.method_string(method);
        request_.target(target);
        request_.version(11);
        request_.set(http::field::host, "localhost");
        request_.set(http::field::connection, "close");
        if (!type.empty()) request_.set(http::field::content_type, type);
        request_.body() = body;
        request_.prepare_payload();
        parser_.body_limit(kAnswerBytesMax);
        stream_.expires_after(std::chrono::milliseconds(timeout_ms));
    }

    boost::system::error_code run(const std::string& socket_path, HttpAnswer& answer) {
        stream_.async_connect(
            Local::endpoint(socket_path), [this](boost::system::error_code error) {
                if (error) return finish(error);
                http::async_write(stream_, request_,
                                  [this](boost::system::error_code write_error, size_t) {
                                      if (write_error) return finish(write_error);
                                      http::async_read(stream_, buffer_, parser_,
                                                       [this](boost::system::error_code read_error,
                                                              size_t) { finish(read_error); });
                                  });
            });
        io_.run();
        if (error_) return error_;
        answer.status = parser_.get().result_int();
        answer.body = std::move(parser_.get().body());
        answer.type = std::string(parser_.get()[http::field::content_type]);
        return {};
    }

private:
    void finish(boost::system::error_code error) { error_ = error; }

    boost::asio::io_context io_{1};
    beast::basic_stream<Local> stream_;
    http::request<http::string_body> request_;
    http::response_parser<http::string_body> parser_;
    beast::flat_buffer buffer_;
    boost::system::error_code error_;
};

}  // namespace

Result<HttpAnswer> http_request(const std::string& socket_path, const std::string& method,
                                const std::string& target, const std::string& body,
                                uint32_t timeout_ms, const std::string& type) {
    HttpAnswer answer;
    try {
        Exchange exchange(method, target, body, timeout_ms, type);
        const boost::system::error_code error = exchange.run(socket_path, answer);
        if (error)
            return fail(ErrorKind::kResource, fmt::format("{}: {}", socket_path, error.message()));
    } catch (const std::exception& error) {  // e.g. a path too long for a Unix socket
        return fail(ErrorKind::kResource, fmt::format("{}: {}", socket_path, error.what()));
    }
    return answer;
}

}  // namespace weir::controlplane
