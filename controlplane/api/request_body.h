#pragma once
// What requests carry, read; and answers made of results.

#include "controlplane/api/http_message.h"

namespace weir::controlplane {

HttpAnswer to_answer(const Result<Json>& result);
HttpAnswer invalid(const std::string& message);

/// The body as a JSON object; errors name the byte.
Result<Json> object_body(const HttpRequest& request);
/// A member that must be a text; "" where it is not there and not `required`.
Result<std::string> text_member(const Json& body, const char* name, bool required);
/// A whole number of the query in [low, high], `otherwise` where it is not given.
Result<uint64_t> query_number(const HttpRequest& request, const std::string& name,
                              uint64_t otherwise, uint64_t low, uint64_t high);

}  // namespace weir::controlplane
