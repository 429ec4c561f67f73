#include "controlplane/cli/map_options.h"

#include <fmt/core.h>

#include <array>
#include <cstdio>

#include "controlplane/cli/element_text.h"

namespace weir::controlplane::cli {

std::optional<Parsed> parse_words(Options& options, const Words& words, int& status) {
    Result<Parsed> parsed = options.with_run_dir().with_json().parse(words);
    status = parsed ? kExitDone : report(parsed.error());
    if (!parsed || parsed->help_shown) return std::nullopt;
    return std::move(*parsed);
}

void add_cpu_option(Options& options) {
    options.flag("per-cpu", "per-CPU values apart, a row for each worker, instead of summed");
}

CpuView cpu_view(const Parsed& parsed) {
    return parsed.has("per-cpu") ? CpuView::Apart : CpuView::Summed;
}

Result<Bytes> finding_key(const std::string& text, const dataplane::api::MapInfo& map) {
    if (map.spec.key_bytes == 0)
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: a {} has no keys by which elements could be found",
                                map.name, vm::map_type_name(map.spec.type)));
    Result<Bytes> key = parse_key(text, map);
    if (!key) return fail_in_map(map, key.error());
    return key;
}

std::unexpected<Error> fail_in_map(const dataplane::api::MapInfo& map, const Error& error) {
    return fail_in("map " + map.name, error);
}

std::string elements_text(uint64_t count) {
    return fmt::format("{} element{}", count, count == 1 ? "" : "s");
}

std::string size_text(uint64_t bytes) {
    constexpr std::array<const char*, 4> kUnits = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double size = static_cast<double>(bytes) / 1024;
    size_t unit = 0;
    for (; size >= 1023.95 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
    return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

bool flush_output() {
    return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

}  // namespace weir::controlplane::cli
