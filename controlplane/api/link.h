#pragma once
// A connection to the dataplane that comes back by itself.

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "dataplane/api/client.h"

namespace weir::controlplane {

/// One request at a time; any thread. Connects when needed; a connection that broke is made anew
/// once per call.
class Link {
public:
    explicit Link(std::string socket_path) : socket_path_(std::move(socket_path)) {}

    /// `request(client)` gives a Result.
    template <typename Request>
    auto call(Request request) -> decltype(request(std::declval<dataplane::api::Client&>())) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const bool was_connected = client_.has_value();
        if (const Result<void> ready = connect(); !ready) return std::unexpected(ready.error());
        auto answer = request(*client_);
        if (answer || answer.error().kind != ErrorKind::kResource || client_->status())
            return answer;
        client_.reset();
        if (!was_connected || !connect()) return answer;
        return request(*client_);
    }

private:
    Result<void> connect() {
        if (client_) return {};
        Result<dataplane::api::Client> connected = dataplane::api::Client::connect(socket_path_);
        if (!connected) return std::unexpected(connected.error());
        client_.emplace(std::move(*connected));
        return {};
    }

    std::string socket_path_;
    std::mutex mutex_;
    std::optional<dataplane::api::Client> client_;
};

}  // namespace weir::controlplane
