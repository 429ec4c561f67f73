// weir capture: packets of a running node, with what became of them. Speaks to the dataplane
// itself, so that it works while the control plane is down. The dataplane writes the file, through
// the descriptor that it is given: packets cross no socket, and it needs no right to any path.

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/capture_request.h"
#include "controlplane/cli/end_signals.h"
#include "controlplane/cli/node_client.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/telemetry/capture_json.h"
#include "dataplane/api/client.h"
#include "vm/base/descriptor.h"

namespace weir::controlplane::cli {
namespace {

namespace api = dataplane::api;
using Clock = std::chrono::steady_clock;

constexpr auto kLook = std::chrono::milliseconds(100);
/// The dataplane gives up an output that takes nothing before this.
constexpr auto kLastWrites = std::chrono::seconds(6);

Result<api::Client> connect(const Parsed& parsed) {
    return api::Client::connect(run_dir_of(parsed) + "/" + api::kSocketName);
}

Result<Descriptor> open_output(const std::string& path) {
    const bool is_stdout = path == "-";
    Descriptor output(is_stdout
                          ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!output)
        return fail(ErrorKind::kInvalid, fmt::format("{}: {}", path, std::strerror(errno)));
    if (::isatty(output.get()) != 0)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: a terminal, expected a file or a pipe", path));
    return output;
}

/// Until it ends by itself, its time is over, or a signal comes.
Result<void> wait_for_end(api::Client& client, uint32_t id, const EndSignals& signals,
                          std::chrono::duration<double> time) {
    const Clock::time_point began = Clock::now();
    for (;;) {
        const Result<api::CaptureInfo> info = client.read_capture(id);
        if (!info) return std::unexpected(info.error());
        if (!info->ended.empty()) return {};
        std::chrono::duration<double> nap = kLook;
        const std::chrono::duration<double> passed = Clock::now() - began;
        if (time.count() > 0) nap = std::min(nap, time - passed);
        if (nap.count() <= 0 || !signals.sleep(nap)) return {};
    }
}

/// Closed, and written to the end.
Result<api::CaptureInfo> finish(api::Client& client, uint32_t id, const EndSignals& signals) {
    Result<api::CaptureInfo> info = client.read_capture(id);
    const std::string ended = info ? info->ended : "";
    if (info) info = client.close_capture(id);
    const Clock::time_point deadline = Clock::now() + kLastWrites;
    while (info && !info->finished && Clock::now() < deadline) {
        signals.sleep(std::chrono::milliseconds(5));
        info = client.read_capture(id);
    }
    return info;
}

int print_end(const Parsed& parsed, const api::CaptureInfo& info) {
    FILE* const stream = parsed.text("write") == "-" ? stderr : stdout;
    if (parsed.json())
        fmt::print(stream, "{}\n", capture_json(info).dump(parsed.has("pretty") ? 2 : -1));
    else
        fmt::print(stderr, "{} packets captured, {} dropped, {} matched\n", info.captured,
                   info.dropped, info.matched);
    if (!info.trouble.empty())
        fmt::print(stderr, "weir: capture: {}, packets were dropped\n", info.trouble);
    if (!info.finished)
        return report({ErrorKind::kResource, "capture: its output is still being written"});
    if (info.failed) return report({ErrorKind::kResource, fmt::format("capture: {}", info.ended)});
    return kExitDone;
}

int capture(const Parsed& parsed) {
    Result<api::CaptureOpen> request = capture_request(parsed);
    if (!request) return report(request.error());
    const Result<double> seconds = seconds_option(parsed, "duration", 0);
    if (!seconds) return report(seconds.error());
    Result<api::Client> client = connect(parsed);
    if (!client) return report(client.error());
    Result<Descriptor> output = open_output(parsed.text("write"));
    if (!output) return report(output.error());
    const EndSignals signals;
    const Result<uint32_t> id = client->open_capture(*request, output->get());
    if (!id) return report(id.error());
    *output = Descriptor();  // the dataplane's alone: a pipe's reader sees its end
    if (parsed.text("write") != "-" && !parsed.json())
        fmt::print(stderr, "capturing to {}, Ctrl-C ends it\n", parsed.text("write"));
    const Result<void> over =
        wait_for_end(*client, *id, signals, std::chrono::duration<double>(*seconds));
    if (!over) return report(over.error());
    const Result<api::CaptureInfo> info = finish(*client, *id, signals);
    return info ? print_end(parsed, *info) : report(info.error());
}

int list_captures(const Parsed& parsed) {
    Result<api::Client> client = connect(parsed);
    if (!client) return report(client.error());
    const Result<std::vector<api::CaptureInfo>> captures = client->list_captures();
    if (!captures) return report(captures.error());
    if (parsed.json()) {
        Json list = Json::array();
        for (const api::CaptureInfo& info : *captures) list.push_back(capture_json(info));
        print_json(list, parsed);
        return kExitDone;
    }
    for (const api::CaptureInfo& info : *captures) fmt::print("{}\n", capture_line(info));
    return kExitDone;
}

}  // namespace

int verb_capture(const Words& words) {
    Options options("capture", "-w FILE.pcapng",
                    "Captures packets of a running node, with verdict, program, reason and "
                    "generation of each in its comment.\n"
                    "Works without the control plane. Ends with Ctrl-C, after COUNT packets, after "
                    "SEC seconds, or with the output's reader.");
    options.value("write,w", "FILE|-", "where pcapng goes; - is standard output, for a pipe")
        .value("duration", "SEC", "end after so many seconds")
        .flag("list", "show the captures that run, and what they count");
    add_capture_options(options);
    const Result<Parsed> parsed = options.with_json().with_run_dir().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    if (parsed->has("list")) return list_captures(*parsed);
    if (!parsed->has("write"))
        return report({ErrorKind::kInvalid,
                       "capture: -w is missing, expected 'weir capture -w "
                       "FILE.pcapng' or --list"});
    return capture(*parsed);
}

}  // namespace weir::controlplane::cli
