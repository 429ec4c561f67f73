#pragma once
// Live captures, for `weir capture` and `weir status`.

#include <string>

#include "controlplane/telemetry/type_json.h"
#include "dataplane/api/capture.h"

namespace weir::controlplane {

Json capture_json(const dataplane::api::CaptureInfo& capture);
/// One line for people.
std::string capture_line(const dataplane::api::CaptureInfo& capture);

}  // namespace weir::controlplane
