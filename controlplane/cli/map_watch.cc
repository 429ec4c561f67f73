#include "controlplane/cli/map_watch.h"

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>

#include "controlplane/cli/end_signals.h"
#include "controlplane/cli/map_changes.h"
#include "controlplane/cli/map_options.h"

namespace weir::controlplane::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kClearScreen = "\033[H\033[2J";

Result<MapReading> read_map(const Parsed& parsed, const dataplane::api::MapInfo& map,
                            const MapFilter& filter) {
    MapReading reading;
    const Result<void> read = for_each_element(parsed, map, [&](ByteSpan key, ByteSpan value) {
        if (filter.matches(key, value))
            reading.insert_or_assign(Bytes(key.begin(), key.end()),
                                     Bytes(value.begin(), value.end()));
        return true;
    });
    if (!read) return std::unexpected(read.error());
    return reading;
}

void print_changes(const Parsed& parsed, const dataplane::api::MapInfo& map,
                   const MapChanges& changes, size_t rows_max, bool on_terminal) {
    if (parsed.json()) {
        print_json(changes_json(map, changes, rows_max), parsed);
        return;
    }
    if (on_terminal) fmt::print("{}", kClearScreen);
    fmt::print("{}", changes_text(map, changes, rows_max));
}

}  // namespace

int watch_map(const Parsed& parsed, const dataplane::api::MapInfo& map, const MapFilter& filter,
              const WatchOptions& options) {
    const EndSignals ends;
    const bool on_terminal = isatty(STDOUT_FILENO) != 0;
    Clock::time_point read_at = Clock::now();
    Result<MapReading> before = read_map(parsed, map, filter);
    if (!before) return report(before.error());
    if (on_terminal && !parsed.json())
        fmt::print("{}: {}, Ctrl-C ends\n", map.name, elements_text(before->size()));
    for (;;) {
        if (!flush_output()) return kExitDone;
        const auto next = read_at + std::chrono::duration<double>(options.seconds);
        if (!ends.sleep(next - Clock::now())) return kExitDone;
        const Clock::time_point now_at = Clock::now();
        Result<MapReading> now = read_map(parsed, map, filter);
        if (!now) return report(now.error());
        const std::chrono::duration<double> passed = now_at - read_at;
        print_changes(parsed, map, changes_between(map, *before, *now, passed.count()),
                      options.rows_max, on_terminal);
        before = std::move(now);
        read_at = now_at;
    }
}

}  // namespace weir::controlplane::cli
