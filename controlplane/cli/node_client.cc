#include "controlplane/cli/node_client.h"

#include <fmt/core.h>

#include "controlplane/api/http_client.h"
#include "controlplane/config/parse.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kTimeoutMs =
    90'000;  ///< a deployment of large sets; anything else answers at once

}  // namespace

std::string run_dir_of(const Parsed& parsed) {
    return parsed.has("run-dir") ? parsed.text("run-dir") : std::string(kDefaultRunDir);
}

Result<Json> ask_node_in(const std::string& run_dir, const std::string& method,
                         const std::string& target, const std::string& body, uint32_t timeout_ms) {
    const std::string socket = run_dir + "/" + kControlSocketName;
    const Result<HttpAnswer> answer = http_request(socket, method, target, body, timeout_ms);
    if (!answer)
        return fail(
            ErrorKind::kResource,
            fmt::format("no node answers: {}; expected one started by 'weir run', or its --run-dir",
                        answer.error().message));
    if (answer->status != 200) return std::unexpected(error_of(*answer));
    Json document = Json::parse(answer->body, nullptr, false);
    if (document.is_discarded())
        return fail(ErrorKind::kResource, socket + ": the answer is no JSON");
    return document;
}

Result<Json> ask_node(const Parsed& parsed, const std::string& method, const std::string& target,
                      const std::string& body) {
    return ask_node_in(run_dir_of(parsed), method, target, body, kTimeoutMs);
}

}  // namespace weir::controlplane::cli
