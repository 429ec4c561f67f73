#include "controlplane/telemetry/capture_json.h"

#include <fmt/core.h>

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

const char* point_name(api::CapturePoint point) {
    switch (point) {
        case api::CapturePoint::Before: return "before";
        case api::CapturePoint::After: return "after";
        case api::CapturePoint::Both: return "both";
    }
    return "";
}

}  // namespace

Json capture_json(const api::CaptureInfo& capture) {
    return {{"id", capture.id},
            {"filter", capture.filter_text},
            {"at", point_name(capture.point)},
            {"matched", capture.matched},
            {"captured", capture.captured},
            {"dropped", capture.dropped},
            {"skipped", capture.skipped},
            {"written", capture.written},
            {"written_bytes", capture.written_bytes},
            {"ended", capture.ended},
            {"failed", capture.failed},
            {"trouble", capture.trouble},
            {"finished", capture.finished}};
}

std::string capture_line(const api::CaptureInfo& capture) {
    std::string line =
        fmt::format("capture {}: {} of {} packets captured, {} dropped, {} bytes written, at {}",
                    capture.id, capture.captured, capture.matched, capture.dropped,
                    capture.written_bytes, point_name(capture.point));
    if (!capture.filter_text.empty()) line += fmt::format(", filter '{}'", capture.filter_text);
    if (!capture.trouble.empty()) line += ", " + capture.trouble;
    if (!capture.ended.empty()) line += ", ended: " + capture.ended;
    return line;
}

}  // namespace weir::controlplane
