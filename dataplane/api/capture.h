#pragma once
// Frames of live captures. OPEN_CAPTURE brings the descriptor of the output along (SCM_RIGHTS, with
// the frame's first byte): the dataplane writes pcapng into what its peer has opened, and needs no
// rights on paths. A capture ends with CLOSE_CAPTURE, and with the connection that opened it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vm/program/spec.h"

namespace weir::dataplane::api {

constexpr uint32_t kCapturesMax = 8;            ///< at once
constexpr uint32_t kFilterTextBytesMax = 8192;  ///< pcap expressions

/// Which bytes are kept. Before: as they were received. After: as they leave. Both: of a packet
/// that the filter chose as it was received, both.
enum class CapturePoint : uint8_t { Before, After, Both };
/// Whose chain decided about the packet. The egress chain decides when it refuses what the ingress
/// chain let go.
enum class CaptureHook : uint8_t { Any, Ingress, Egress };
/// When the output takes no more: the capture ends, or goes on and drops until there is room.
enum class WhenFull : uint8_t { End, Drop };

/// Lists that are empty choose everything.
struct CaptureOpen {
    std::optional<vm::ProgramSpec> filter;  ///< one that only looks (XDP); 0: not this packet
    std::string filter_text;                ///< what it was made of, for people
    std::vector<std::string> ports;         ///< came in by (Before, Both), leaves by (After)
    std::vector<std::string> verdicts;      ///< "XDP_DROP"
    std::vector<std::string> reasons;       ///< of drops
    std::string program;                    ///< which decided
    CaptureHook hook = CaptureHook::Any;
    CapturePoint point = CapturePoint::Before;
    uint32_t snap_bytes = 0;  ///< of a packet at most; 0: all
    uint32_t sample = 1;      ///< every Nth on each worker; at least 1
    uint64_t count = 0;       ///< ends after so many; 0: never
    WhenFull when_full = WhenFull::End;
};
/// READ_CAPTURE, CLOSE_CAPTURE, and the reply to OPEN_CAPTURE.
struct CaptureId {
    uint32_t id = 0;
};

/// captured + dropped = matched, on every read.
struct CaptureInfo {
    uint32_t id = 0;
    std::string filter_text;
    CapturePoint point = CapturePoint::Before;
    uint64_t matched = 0;   ///< chosen by everything that was asked for
    uint64_t captured = 0;  ///< kept: in the output, or on the way there
    uint64_t dropped = 0;   ///< no room in a worker's ring, or not in the output
    uint64_t skipped = 0;   ///< would have matched, but for sampling
    uint64_t written = 0;   ///< of those captured, in the output
    uint64_t written_bytes = 0;
    std::string ended;      ///< why it takes no more packets; empty: it does
    bool failed = false;    ///< that is no end that anybody wanted: the output takes nothing
    std::string trouble;    ///< what keeps packets from the output
    bool finished = false;  ///< the output is complete; no number changes any more
};
struct CaptureList {
    std::vector<CaptureInfo> captures;
};

}  // namespace weir::dataplane::api
