#include "controlplane/api/http_message.h"

#include <fmt/core.h>

#include <array>
#include <cctype>

#include "controlplane/deploy/sha256.h"

namespace weir::controlplane {
namespace {

struct KindName {
    ErrorKind kind;
    std::string_view name;
    unsigned status;
};
constexpr std::array<KindName, 5> kKinds = {{{ErrorKind::kInvalid, "invalid", 400},
                                             {ErrorKind::kRejected, "rejected", 409},
                                             {ErrorKind::kNotFound, "not_found", 404},
                                             {ErrorKind::kUnsupported, "unsupported", 422},
                                             {ErrorKind::kResource, "resource", 503}}};

}  // namespace

std::string unescape_url(std::string_view text) {
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
        Bytes byte;
        if (text[i] == '%' && i + 2 < text.size() && from_hex(text.substr(i + 1, 2), byte) &&
            byte.size() == 1) {
            plain += static_cast<char>(byte[0]);
            i += 2;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

std::string escape_url(std::string_view text) {
    std::string escaped;
    for (const char letter : text) {
        const bool plain = std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '-' ||
                           letter == '_' || letter == '.' || letter == '~';
        if (plain)
            escaped += letter;
        else
            escaped += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    }
    return escaped;
}

void split_target(std::string_view target, HttpRequest& request) {
    const size_t mark = std::min(target.find('?'), target.size());
    request.path = target.substr(0, mark);
    std::string_view rest = mark < target.size() ? target.substr(mark + 1) : std::string_view();
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('&'), rest.size());
        const std::string_view pair = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const size_t equals = std::min(pair.find('='), pair.size());
        const std::string_view value =
            equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
        request.query[unescape_url(pair.substr(0, equals))] = unescape_url(value);
    }
}

HttpAnswer error_answer(const Error& error) {
    for (const KindName& row : kKinds) {
        if (row.kind != error.kind) continue;
        HttpAnswer answer = json_answer({{"error", error.message}, {"kind", row.name}});
        answer.status = row.status;
        return answer;
    }
    return {500, "application/json", "{}"};
}

HttpAnswer json_answer(const Json& document) {
    return {200, "application/json",
            document.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace)};
}

Error error_of(const HttpAnswer& answer) {
    const Json document = Json::parse(answer.body, nullptr, false);
    if (document.is_object() && document.contains("error") && document["error"].is_string()) {
        const std::string message = document["error"];
        const std::string kind = document.value("kind", "");
        for (const KindName& row : kKinds)
            if (row.name == kind) return {row.kind, message};
    }
    return {ErrorKind::kResource,
            fmt::format("the control plane answered with HTTP status {}", answer.status)};
}

}  // namespace weir::controlplane
