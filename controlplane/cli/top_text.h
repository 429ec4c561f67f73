#pragma once
// One frame of `weir top`, out of two readings of `weir stats -j`.

#include <string>

#include "controlplane/telemetry/type_json.h"

namespace weir::controlplane::cli {

/// What went on between `before` and `now`: workers, ports, the busiest programs, drops by reason.
/// No line is longer than 80 columns.
std::string top_frame(const Json& before, const Json& now);

}  // namespace weir::controlplane::cli
