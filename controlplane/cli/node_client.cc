#include "controlplane/cli/node_client.h"

#include <fmt/core.h>

#include "controlplane/api/http_client.h"
#include "controlplane/config/parse.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kTimeoutMs =
    90'000;  ///< a deployment of large sets; anything else answers at once

std::string socket_in(const std::string& run_dir) {
    return run_dir + "/" + kControlSocketName;
}

Result<std::string> ask(const std::string& run_dir, const std::string& method,
                        const std::string& target, const std::string& body, const std::string& type,
                        uint32_t timeout_ms) {
    Result<HttpAnswer> answer =
        http_request(socket_in(run_dir), method, target, body, timeout_ms, type);
    if (!answer)
        return fail(
            ErrorKind::kResource,
            fmt::format("no node answers: {}; expected one started by 'weir run', or its --run-dir",
                        answer.error().message));
    if (answer->status != 200) return std::unexpected(error_of(*answer));
    return std::move(answer->body);
}

Result<Json> parsed_answer(const std::string& run_dir, const std::string& body) {
    Json document = Json::parse(body, nullptr, false);
    if (!document.is_discarded()) return document;
    return fail(ErrorKind::kResource, socket_in(run_dir) + ": the answer is no JSON");
}

}  // namespace

std::string run_dir_of(const Parsed& parsed) {
    return parsed.has("run-dir") ? parsed.text("run-dir") : std::string(kDefaultRunDir);
}

Result<Json> ask_node_in(const std::string& run_dir, const std::string& method,
                         const std::string& target, const std::string& body, uint32_t timeout_ms) {
    const Result<std::string> answer = ask(run_dir, method, target, body, "", timeout_ms);
    if (!answer) return std::unexpected(answer.error());
    return parsed_answer(run_dir, *answer);
}

Result<std::string> ask_node_bytes(const Parsed& parsed, const std::string& method,
                                   const std::string& target, const std::string& body,
                                   const std::string& type) {
    return ask(run_dir_of(parsed), method, target, body, type, kTimeoutMs);
}

Result<Json> ask_node(const Parsed& parsed, const std::string& method, const std::string& target,
                      const std::string& body) {
    return ask_node_in(run_dir_of(parsed), method, target, body, kTimeoutMs);
}

}  // namespace weir::controlplane::cli
