#pragma once
// Requests and answers of the control plane's API, without the library that carries them.

#include <map>
#include <string>

#include "controlplane/telemetry/type_json.h"
#include "vm/base/result.h"

namespace weir::controlplane {

constexpr size_t kRequestBytesMax = 512u << 20;  ///< a map's whole content; Unix sockets only
constexpr size_t kScrapeBytesMax = 64u << 10;    ///< a request over TCP: GET /metrics
constexpr size_t kAnswerBytesMax = 256u << 20;   ///< what a client reads at most
constexpr const char* kRecordsType = "application/octet-stream";  ///< elements, back to back
constexpr const char* kMessageType = "application/octet-stream";  ///< one of dataplane/api
constexpr const char* kControlSocketName = "control.sock";

struct HttpRequest {
    std::string method;                        ///< "GET"
    std::string path;                          ///< still escaped, without the query
    std::map<std::string, std::string> query;  ///< unescaped
    std::string type;                          ///< Content-Type
    std::string body;
};

struct HttpAnswer {
    unsigned status = 200;
    std::string type = "application/json";
    std::string body;
};

/// "%2F" -> "/" and back; what is no escape stays as it is.
std::string unescape_url(std::string_view text);
std::string escape_url(std::string_view text);
/// Splits "/maps/a%2Fb?limit=5".
void split_target(std::string_view target, HttpRequest& request);

/// {"error":"…","kind":"rejected"} with the HTTP status that fits.
HttpAnswer error_answer(const Error& error);
HttpAnswer json_answer(const Json& document);
/// The error that an answer carries; nullptr-like: kResource if it is none of ours.
Error error_of(const HttpAnswer& answer);

}  // namespace weir::controlplane
