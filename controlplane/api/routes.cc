#include "controlplane/api/routes.h"

#include <fmt/core.h>

#include <vector>

#include "controlplane/config/units.h"
#include "controlplane/deploy/sha256.h"
#include "vm/program/map.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

HttpAnswer to_answer(const Result<Json>& result) {
    return result ? json_answer(*result) : error_answer(result.error());
}

HttpAnswer invalid(const std::string& message) {
    return error_answer({ErrorKind::kInvalid, message});
}

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

/// A member that must be a text.
Result<std::string> text_member(const Json& body, const char* name, bool required) {
    const auto found = body.find(name);
    if (found == body.end() && !required) return std::string();
    if (found != body.end() && found->is_string()) return found->get<std::string>();
    return fail(ErrorKind::kInvalid, fmt::format("body: '{}': expected a text", name));
}

Result<Json> object_body(const HttpRequest& request) {
    Json body = Json::parse(request.body, nullptr, false);
    if (body.is_object()) return body;
    return fail(ErrorKind::kInvalid, "body: expected a JSON object");
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

/// {"elements":[["KEYHEX","VALUEHEX"],…],"flags":0}
HttpAnswer update(LiveNode& node, const std::string& map, const HttpRequest& request) {
    const Result<Json> body = object_body(request);
    if (!body) return error_answer(body.error());
    const auto list = body->find("elements");
    if (list == body->end() || !list->is_array())
        return invalid("body: 'elements': expected a list");
    std::vector<api::Element> elements;
    for (const Json& item : *list) {
        const bool is_pair =
            item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string();
        api::Element element;
        if (!is_pair || !from_hex(item[0].get<std::string>(), element.first) ||
            !from_hex(item[1].get<std::string>(), element.second))
            return invalid(fmt::format("body: 'elements'[{}]: expected [\"KEYHEX\",\"VALUEHEX\"]",
                                       elements.size()));
        elements.push_back(std::move(element));
    }
    uint64_t flags = vm::kUpdateAny;
    if (const auto given = body->find("flags"); given != body->end()) {
        if (!given->is_number_unsigned() || given->get<uint64_t>() > vm::kUpdateExist)
            return invalid("body: 'flags': expected 0 (any), 1 (new keys) or 2 (existing keys)");
        flags = *given;
    }
    return to_answer(node.update(map, elements, flags));
}

/// PUT /maps/NAME/slots/KEYHEX {"target":"PROGRAM or MAP"}
HttpAnswer bind_slot(LiveNode& node, const std::string& map, const std::string& key_hex,
                     const HttpRequest& request) {
    const Result<Json> body = object_body(request);
    if (!body) return error_answer(body.error());
    const Result<std::string> target = text_member(*body, "target", true);
    if (!target) return error_answer(target.error());
    Bytes key;
    if (!from_hex(key_hex, key))
        return invalid(fmt::format("key: value '{}', expected hex", key_hex));
    return to_answer(node.bind(map, key, *target));
}

HttpAnswer dump(LiveNode& node, const std::string& map, const HttpRequest& request) {
    std::optional<Bytes> after;
    if (const auto given = request.query.find("after"); given != request.query.end()) {
        Bytes key;
        if (!from_hex(given->second, key))
            return invalid(fmt::format("after: value '{}', expected hex", given->second));
        after = std::move(key);
    }
    uint64_t count_max = api::kBatchElementsMax;
    if (const auto given = request.query.find("limit"); given != request.query.end()) {
        const Result<uint64_t> number = parse_number(given->second);
        if (!number || *number == 0 || *number > api::kBatchElementsMax)
            return invalid(fmt::format("limit: value '{}', expected 1 to {}", given->second,
                                       api::kBatchElementsMax));
        count_max = *number;
    }
    return to_answer(node.dump(map, after, static_cast<uint32_t>(count_max)));
}

/// /maps/NAME…
HttpAnswer answer_map(LiveNode& node, const std::vector<std::string>& path,
                      const HttpRequest& request) {
    const std::string& method = request.method;
    if (path.size() == 2 && method == "GET") return to_answer(node.map(path[1]));
    if (path.size() == 4 && path[2] == "slots" && method == "PUT")
        return bind_slot(node, path[1], path[3], request);
    const bool of_elements = path.size() >= 3 && path[2] == "elements";
    if (of_elements && path.size() == 3 && method == "GET") return dump(node, path[1], request);
    if (of_elements && path.size() == 3 && method == "PUT") return update(node, path[1], request);
    if (of_elements && path.size() == 4) {
        Bytes key;
        if (!from_hex(path[3], key))
            return invalid(fmt::format("key: value '{}', expected hex", path[3]));
        if (method == "GET") return to_answer(node.lookup(path[1], key));
        if (method == "DELETE") return to_answer(node.erase(path[1], {key}));
    }
    return error_answer(
        {ErrorKind::kNotFound, fmt::format("{} {} does not exist", method, request.path)});
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
    if (is("GET", "metrics")) return answer_scrape(node, request);
    if (is("POST", "apply")) return apply(node, request);
    if (method == "POST" && path.size() == 3 && path[0] == "programs" && path[2] == "swap")
        return swap(node, path[1], request);
    if (path.size() >= 2 && path[0] == "maps") return answer_map(node, path, request);
    return error_answer(
        {ErrorKind::kNotFound, fmt::format("{} {} does not exist", method, request.path)});
}

}  // namespace weir::controlplane
