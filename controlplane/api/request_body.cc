#include "controlplane/api/request_body.h"

#include <fmt/core.h>

#include "controlplane/config/units.h"

namespace weir::controlplane {

HttpAnswer to_answer(const Result<Json>& result) {
    return result ? json_answer(*result) : error_answer(result.error());
}

HttpAnswer invalid(const std::string& message) {
    return error_answer({ErrorKind::kInvalid, message});
}

Result<Json> object_body(const HttpRequest& request) {
    try {
        Json body = Json::parse(request.body);
        if (body.is_object()) return body;
    } catch (const Json::parse_error& error) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("body: byte {}: expected a JSON object", error.byte));
    }
    return fail(ErrorKind::kInvalid, "body: expected a JSON object");
}

Result<std::string> text_member(const Json& body, const char* name, bool required) {
    const auto found = body.find(name);
    if (found == body.end() && !required) return std::string();
    if (found != body.end() && found->is_string()) return found->get<std::string>();
    return fail(ErrorKind::kInvalid, fmt::format("body: '{}': expected a text", name));
}

Result<uint64_t> query_number(const HttpRequest& request, const std::string& name,
                              uint64_t otherwise, uint64_t low, uint64_t high) {
    const auto given = request.query.find(name);
    if (given == request.query.end()) return otherwise;
    const Result<uint64_t> number = parse_number(given->second);
    if (number && *number >= low && *number <= high) return number;
    return fail(ErrorKind::kInvalid, fmt::format("{}: value '{}', expected {} to {}", name,
                                                 given->second.substr(0, 80), low, high));
}

}  // namespace weir::controlplane
