// weir bypass: asks the dataplane itself, so that it works while no control plane does.

#include "controlplane/cli/bypass_verb.h"

#include <fmt/core.h>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/node_client.h"
#include "controlplane/config/units.h"
#include "dataplane/api/client.h"

namespace weir::controlplane::cli {
namespace {

namespace api = dataplane::api;

constexpr uint64_t kNsPerMs = 1'000'000;

Result<api::BypassRequest> request_of(const Parsed& parsed) {
    const std::string word = parsed.text("on|off");
    if (word != "on" && parsed.has("for"))
        return fail(ErrorKind::kInvalid, "bypass: --for goes with 'on'");
    if (word.empty()) return api::BypassRequest{};
    if (word == "off") return api::BypassRequest{.change = true};
    if (word != "on")
        return fail(ErrorKind::kInvalid,
                    fmt::format("bypass: '{}', expected 'on', 'off' or nothing", word));
    if (!parsed.has("for"))
        return fail(ErrorKind::kInvalid,
                    "bypass on: --for is missing, expected a time after which it ends by itself, "
                    "as '--for 10m'");
    const Result<uint64_t> duration_ns = parse_duration_ns(parsed.text("for"));
    const uint64_t milliseconds = duration_ns ? *duration_ns / kNsPerMs : 0;
    if (milliseconds == 0 || milliseconds > api::kBypassMsMax)
        return fail(ErrorKind::kInvalid,
                    fmt::format("bypass on: --for '{}', expected a time of 1ms to 24h, as '10m'",
                                parsed.text("for")));
    return api::BypassRequest{.change = true, .duration_ms = milliseconds};
}

}  // namespace

int verb_bypass(const Words& words) {
    Options options(
        "bypass", "[on --for TIME | off]",
        "Forwards every packet of a running node as its port's `pass` says, without any "
        "chain, for TIME (30s, 10m, 2h; at\n"
        "most 24h), or ends that; without a word says what is. It ends by itself, and "
        "with the dataplane. Needs no control plane.");
    options.positional("on|off", false)
        .value("for", "TIME", "how long nothing is filtered; 'on' needs it");
    const Result<Parsed> parsed = options.with_run_dir().with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<api::BypassRequest> request = request_of(*parsed);
    if (!request) return report(request.error());
    Result<api::Client> client = api::Client::connect(run_dir_of(*parsed) + "/" + api::kSocketName);
    if (!client) return report(client.error());
    const Result<api::BypassState> state = client->bypass(*request);
    if (!state) return report(state.error());
    if (parsed->json())
        print_json({{"bypass_left_ms", state->left_ms}}, *parsed);
    else if (state->left_ms == 0)
        fmt::print("bypass: off, packets are filtered\n");
    else
        fmt::print("bypass: ON, nothing is filtered for another {} s\n",
                   (state->left_ms + 999) / 1000);
    return kExitDone;
}

}  // namespace weir::controlplane::cli
