#pragma once
// Statistics for people: a table of totals, and one line for a terminal. Both from the JSON of
// `weir stats -j`.

#include <string>

#include "controlplane/telemetry/type_json.h"

namespace weir::controlplane::cli {

/// 0 where there is no such number.
uint64_t number_at(const Json& object, const char* key);

/// "aborted 5 at insn 12" of a program, empty if it never did.
std::string aborted_text(const Json& program);

/// Per port: received, sent, to the kernel, dropped by reason; verdicts; per program its runs,
/// verdicts, and where it aborted; per worker how busy it was, cycles per packet, latencies.
std::string stats_table(const Json& stats);

/// "12.3 kpps in, 12.1 kpps out, 200 pps dropped (blocked 200), generation 3". Rates from the
/// difference of two readings; `before` may be null.
std::string stats_line(const Json& before, const Json& now);

/// 12345 -> "12.3k".
std::string short_number(double number);
/// 12345 -> "12us"; "-" for 0.
std::string duration_text(uint64_t nanoseconds);

}  // namespace weir::controlplane::cli
