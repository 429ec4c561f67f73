#pragma once
// What `weir capture` was asked for, as the dataplane wants it.

#include "controlplane/cli/options.h"
#include "dataplane/api/capture.h"

namespace weir::controlplane::cli {

/// Declares the options that choose packets.
void add_capture_options(Options& options);
/// Names of ports, programs and reasons are the dataplane's to check.
Result<dataplane::api::CaptureOpen> capture_request(const Parsed& parsed);

}  // namespace weir::controlplane::cli
