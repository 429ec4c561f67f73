// weir top: what a running node does, live.

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "controlplane/cli/node_client.h"
#include "controlplane/cli/top_text.h"
#include "controlplane/cli/verbs.h"

namespace weir::controlplane::cli {
namespace {

/// Over the frame before, line by line, so that nothing flickers; what has no room is left out.
void draw(const std::string& frame) {
    winsize size{};
    size_t rows = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1) rows = size.ws_row;
    std::string text = "\033[H";
    size_t at = 0;
    for (size_t row = 0; row + 1 < rows && at < frame.size(); ++row) {
        const size_t end = std::min(frame.find('\n', at), frame.size());
        text += frame.substr(at, end - at) + "\033[K\n";
        at = end + 1;
    }
    fmt::print("{}\033[J", text);
    std::fflush(stdout);
}

}  // namespace

int verb_top(const Words& words) {
    Options options("top", "",
                    "What a running node does, live, until interrupted: how busy its workers are, "
                    "cycles per packet and latencies,\nrates of ports and programs, drops by "
                    "reason. One frame where the output is no terminal.");
    options.value("interval", "SEC", "between two readings, from 0.1; 1 unless said");
    const Result<Parsed> parsed = options.with_run_dir().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<double> interval = seconds_option(*parsed, "interval", 1);
    if (!interval) return report(interval.error());
    const bool is_live = isatty(STDOUT_FILENO) == 1;
    Result<Json> before = ask_node(*parsed, "GET", "/stats");
    if (!before) return report(before.error());
    for (bool is_first = true;; is_first = false) {
        std::this_thread::sleep_for(std::chrono::duration<double>(std::max(*interval, 0.1)));
        Result<Json> now = ask_node(*parsed, "GET", "/stats");
        if (!now) return report(now.error());
        const std::string frame = top_frame(*before, *now);
        if (!is_live) {
            fmt::print("{}", frame);
            return kExitDone;
        }
        if (is_first) fmt::print("\033[2J");
        draw(frame);
        before = std::move(now);
    }
}

}  // namespace weir::controlplane::cli
