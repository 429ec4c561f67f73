#pragma once
// One request over a Unix socket.

#include "controlplane/api/http_message.h"

namespace weir::controlplane {

/// `target` already escaped, `type` the body's Content-Type. kResource: nobody listens there, or no
/// answer within `timeout_ms`.
Result<HttpAnswer> http_request(const std::string& socket_path, const std::string& method,
                                const std::string& target, const std::string& body,
                                uint32_t timeout_ms, const std::string& type = "");

}  // namespace weir::controlplane
