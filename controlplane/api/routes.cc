#include "controlplane/api/routes.h"

#include <fmt/core.h>

#include <vector>

#include "controlplane/api/map_routes.h"
#include "controlplane/api/request_body.h"

namespace weir::controlplane {
namespace {

constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

std::vector<std::string> segments_of(const std::string& path) {
    std::vector<std::string> segments;
    size_t begin = 1;
    while (begin <= path.size()) {
        const size_t end = std::min(path.find('/', begin), path.size());
        if (end > begin) segments.push_back(unescape_url(path.substr(begin, end - begin)));
        begin = end + 1;
    }
    return segments;
}

HttpAnswer apply(LiveNode& node, const HttpRequest& request) {
    const Result<Json> body = object_body(request);
    if (!body) return error_answer(body.error());
    const Result<std::string> text = text_member(*body, "text", true);
    const Result<std::string> path = text_member(*body, "path", true);
    if (!text) return error_answer(text.error());
    if (!path) return error_answer(path.error());
    if (!path->starts_with('/')) return invalid("body: 'path': expected an absolute path");
    return to_answer(node.apply(*text, *path));
}

HttpAnswer swap(LiveNode& node, const std::string& name, const HttpRequest& request) {
    const Result<Json> body = object_body(request);
    if (!body) return error_answer(body.error());
    const Result<std::string> object = text_member(*body, "object", true);
    const Result<std::string> function = text_member(*body, "program", false);
    if (!object) return error_answer(object.error());
    if (!function) return error_answer(function.error());
    if (!object->starts_with('/')) return invalid("body: 'object': expected an absolute path");
    return to_answer(node.swap(name, {*object, *function}));
}

HttpAnswer code(LiveNode& node, const std::string& name) {
    Result<std::string> message = node.program_code(name);
    if (!message) return error_answer(message.error());
    return {200, kMessageType, std::move(*message)};
}

}  // namespace

HttpAnswer answer_scrape(LiveNode& node, const HttpRequest& request) {
    if (request.method == "GET" && request.path == "/metrics")
        return {200, kMetricsType, node.metrics()};
    return error_answer({ErrorKind::kNotFound, "only GET /metrics is served here"});
}

HttpAnswer answer_request(LiveNode& node, const HttpRequest& request) {
    const std::vector<std::string> path = segments_of(request.path);
    const std::string& method = request.method;
    const auto is = [&](const char* wanted_method, const char* word) {
        return method == wanted_method && path.size() == 1 && path[0] == word;
    };
    if (is("GET", "status")) return to_answer(node.status());
    if (is("GET", "stats")) return to_answer(node.stats());
    if (is("GET", "programs")) return to_answer(node.programs());
    if (is("GET", "maps")) return to_answer(node.maps());
    if (is("PUT", "contents")) return answer_contents(node, request);
    if (is("GET", "metrics")) return answer_scrape(node, request);
    if (is("POST", "apply")) return apply(node, request);
    if (method == "POST" && path.size() == 3 && path[0] == "programs" && path[2] == "swap")
        return swap(node, path[1], request);
    if (method == "GET" && path.size() == 3 && path[0] == "programs" && path[2] == "code")
        return code(node, path[1]);
    if (path.size() >= 2 && path[0] == "maps") return answer_map(node, path, request);
    return error_answer(
        {ErrorKind::kNotFound, fmt::format("{} {} does not exist", method, request.path)});
}

}  // namespace weir::controlplane
