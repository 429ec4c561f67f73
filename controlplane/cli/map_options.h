#pragma once
// What the verbs of `weir map` share: parsing their words, and the lines that they print.

#include <optional>

#include "controlplane/cli/element_table.h"
#include "controlplane/cli/map_client.h"
#include "controlplane/cli/options.h"

namespace weir::controlplane::cli {

/// Parses the words, or says what is wrong; nullopt: `status` is the exit status.
std::optional<Parsed> parse_words(Options& options, const Words& words, int& status);

/// --per-cpu
void add_cpu_option(Options& options);
CpuView cpu_view(const Parsed& parsed);

/// A key as typed, for a verb that finds an element by it; errors name the map.
Result<Bytes> finding_key(const std::string& text, const dataplane::api::MapInfo& map);

/// "map NAME: message"
std::unexpected<Error> fail_in_map(const dataplane::api::MapInfo& map, const Error& error);

/// "1 element", "2 elements"
std::string elements_text(uint64_t count);
/// "512 bytes", "1.5 MiB"
std::string size_text(uint64_t bytes);

/// Flushes stdout; false when nobody reads it any more.
bool flush_output();

}  // namespace weir::controlplane::cli
