#pragma once
// What a capture chooses, worked out of api::CaptureOpen; the same for all workers.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/api/capture.h"
#include "dataplane/capture/record.h"
#include "jit/jit.h"

namespace weir::dataplane::capture {

constexpr uint32_t kSnapBytesMax = kFrameBytesMax;  ///< no frame that is admitted has more

/// What became of a packet, and by whom.
struct Decision {
    uint8_t verdict = kNone;
    uint8_t reason = kNone;
    uint8_t out_port = kNone;
    Hook hook = Hook::Ingress;
    std::string_view program;  ///< that gave the verdict; lives until the end of the round
};

/// How many packets a capture may still take; shared by the workers.
class Allowance {
public:
    explicit Allowance(uint64_t count) : limited_(count != 0), left_(static_cast<int64_t>(count)) {}

    bool take() {
        if (!limited_) return true;
        if (left_.load(std::memory_order_relaxed) <= 0) return false;
        if (left_.fetch_sub(1, std::memory_order_relaxed) > 0) return true;
        give_back();
        return false;
    }
    bool is_spent() const { return limited_ && left_.load(std::memory_order_relaxed) <= 0; }
    void give_back() {
        if (limited_) left_.fetch_add(1, std::memory_order_relaxed);
    }

private:
    bool limited_;
    std::atomic<int64_t> left_;  ///< relaxed: only its own value counts
};

struct Selection {
    std::shared_ptr<const jit::CompiledProgram> filter;  ///< that only looks; nullptr: all packets
    uint64_t ports = UINT64_MAX;                         ///< bit per port
    uint8_t verdicts = 0;                                ///< bit per XdpVerdict; 0: any, and none
    uint64_t reasons = 0;                                ///< bit per drop reason; 0: any, and none
    std::string program;                                 ///< empty: any, and none
    api::CaptureHook hook = api::CaptureHook::Any;
    api::CapturePoint point = api::CapturePoint::Before;
    uint32_t snap_bytes = kSnapBytesMax;
    uint32_t sample = 1;

    bool wants_before() const { return point != api::CapturePoint::After; }
    bool wants_after() const { return point != api::CapturePoint::Before; }
    bool has_port(uint8_t port) const { return (ports >> port & 1) != 0; }
    bool chooses(const Decision& decision) const {
        if (verdicts != 0 && (decision.verdict == kNone || (verdicts >> decision.verdict & 1) == 0))
            return false;
        if (reasons != 0 && (decision.reason == kNone || (reasons >> decision.reason & 1) == 0))
            return false;
        if (hook != api::CaptureHook::Any &&
            (hook == api::CaptureHook::Egress) != (decision.hook == Hook::Egress))
            return false;
        return program.empty() || decision.program == program;
    }
};

}  // namespace weir::dataplane::capture
