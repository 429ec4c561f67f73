#pragma once
// One pointer that says what runs. The control thread stores it; every worker loads it once a round
// and reports the number of what it runs since: a report of N says that this worker holds nothing
// older than N any more.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/generation.h"
#include "dataplane/swap_histogram.h"
#include "vm/base/result.h"

namespace weir::dataplane {

/// What becomes of a burst that came in by a port.
enum class BurstWay : uint8_t {
    Unfiltered,  ///< the port's `fail` decides: no generation yet, or its chain is out of service
    Passed,      ///< as if every packet's verdict were XDP_PASS, and no chain ran at its way out
    ByBurst,     ///< one program for all of them
    ByPacket,
};

/// What a worker needs to know of a port's chains, worked out before publication.
struct PortPlan {
    std::span<const ChainEntry> ingress;
    std::span<const ChainEntry> egress;
    BurstWay way = BurstWay::ByPacket;
    OutReason ingress_out = OutReason::None;
    OutReason egress_out = OutReason::None;
    bool takes_segments = false;  ///< every program that a packet from here may meet does
    bool reads_metadata = false;  ///< some program that a packet from here may meet does
    bool keeps_frames = false;    ///< so does every program that a packet from here may meet
};

struct LiveGeneration {
    std::unique_ptr<const Generation> generation;
    std::vector<PortPlan> ports;
    /// True where running a burst program by program cannot be told from packet by packet: at most
    /// one program per ingress chain, and none on any egress.
    bool by_bursts = true;
    /// A worker took something out of service in this generation: whoever sees it looks at every
    /// chain entry, until the next generation. Relaxed: who sees it later finds out by itself.
    mutable std::atomic<bool> has_trouble = false;

    uint64_t number() const { return generation->number; }
};
std::unique_ptr<LiveGeneration> make_live(std::unique_ptr<const Generation> generation);

/// A worker's report; on a cache line of its own.
struct alignas(64) QuiescentReport {
    std::atomic<uint64_t> generation{0};  ///< release by the worker; partner: Publication::wait
};

class Publication {
public:
    /// Starts with generation 0: chains that are all empty.
    Publication(uint32_t port_count, uint32_t worker_count);

    // -- worker side ------------------------------------------------------------------------------
    /// The generation for this round. Call between rounds only: what it gave before may be freed
    /// from now on.
    const LiveGeneration& enter_round(uint32_t worker) {
        const LiveGeneration* live = current_.load(std::memory_order_acquire);
        reports_[worker].generation.store(live->number(), std::memory_order_release);
        return *live;
    }
    uint64_t reported(uint32_t worker) const {
        return reports_[worker].generation.load(std::memory_order_acquire);
    }

    // -- control thread ---------------------------------------------------------------------------
    uint64_t number() const { return owned_.back()->number(); }
    /// Microseconds until the last worker came over. Its number must be above the current one. On
    /// an error (a worker that does not come to rest, by index) the new generation stays published
    /// and what it replaced is kept until a later call succeeds.
    Result<uint64_t> publish(std::unique_ptr<const Generation> generation);
    /// Of all publish() that every worker followed.
    api::SwapTimes swap_times() const { return swaps_.times(); }

private:
    Result<void> wait(uint64_t number) const;

    std::atomic<const LiveGeneration*> current_;          ///< partner: enter_round
    std::vector<std::unique_ptr<LiveGeneration>> owned_;  ///< the last is current
    std::vector<QuiescentReport> reports_;
    SwapHistogram swaps_;
};

}  // namespace weir::dataplane
