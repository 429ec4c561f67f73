#pragma once
// Packets chosen on the workers and run with everything noted. The control thread arms a trace:
// each worker gets a filter, recorders whose memory is taken beforehand, and two rings, one for
// filled recorders and one for those that were read. At most as many packets as asked for are
// traced, over all workers, and per worker no more at a time than a bucket allows, so that others
// are not slowed: a traced packet costs some tens of microseconds.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/packet_filter.h"
#include "maps/reclaim.h"
#include "vm/base/check.h"
#include "vm/base/spsc_ring.h"
#include "vm/interp/run_recorder.h"

namespace weir::dataplane {

/// Packets that a worker may trace before the control thread reads any; a power of two.
constexpr uint32_t kTraceRecorders = 16;
/// Then one more in this time, on each worker.
constexpr uint64_t kTraceIntervalUs = 2000;
constexpr uint32_t kTracePacketsMax = 100'000;
/// Of a packet and of the copies that a broadcast makes of it; those beyond are not noted.
constexpr uint32_t kTracedFatesMax = 64;

/// What is looked for; shared by the workers.
struct TraceOrder {
    static constexpr uint32_t kAnyPort = UINT32_MAX;
    std::unique_ptr<const PacketFilter> filter;  ///< nullptr: every packet
    uint32_t port = kAnyPort;
    std::atomic<uint32_t> left{0};  ///< how many more; relaxed, a count
};

class WorkerTrace;

/// What became of a packet, or of a copy of it.
struct PacketFate {
    enum class Kind : uint8_t { Left, Dropped, Handed };
    Kind kind = Kind::Left;
    DropReason reason{};  ///< Dropped
    uint32_t at = 0;      ///< the port, also a host's end; Handed: the worker that goes on with it

    bool operator==(const PacketFate&) const = default;
};

/// One traced packet: what ran, and where it went.
struct PacketTrace {
    vm::RunRecorder recorder;
    WorkerTrace* owner = nullptr;
    uint64_t generation = 0;
    uint64_t time_ns = 0;  ///< CLOCK_REALTIME
    uint32_t worker = 0, port = 0;
    uint16_t queue = 0;
    std::array<PacketFate, kTracedFatesMax> fates;
    uint32_t fates_total = 0;

    std::span<const PacketFate> noted() const {
        return std::span(fates).first(std::min(fates_total, kTracedFatesMax));
    }
    void note(PacketFate fate) {
        if (fates_total < kTracedFatesMax) fates[fates_total] = fate;
        ++fates_total;
    }
    /// What was noted last as having left did not.
    void note_not_sent(uint32_t out, DropReason reason) {
        --fates_total;
        note({PacketFate::Kind::Dropped, reason, out});
    }
};

/// A worker's part of an armed trace.
class WorkerTrace {
public:
    WorkerTrace(std::shared_ptr<TraceOrder> order, uint32_t worker);

    // -- the worker
    /// Bit i is set where contexts[i], up to 64 of them, is to be traced; what it gives must be
    /// traced: begin() has a recorder for each. Runs the filter, unless there is no room.
    uint64_t choose(uint32_t port, std::span<vm::XdpContext> contexts, vm::RunEnv& env);
    PacketTrace& begin();
    void finish(PacketTrace& trace) { WEIR_CHECK(filled_.put(&trace)); }
    /// After a fault. `trace`: of the packet whose program it was, nullptr if that was not chosen.
    /// For it and for those that were chosen behind it others are traced.
    void abandon(PacketTrace* trace);

    // -- the control thread
    /// The oldest that is filled, to be given back; nullptr: none.
    PacketTrace* take() {
        PacketTrace* oldest = nullptr;
        filled_.take(oldest);
        return oldest;
    }
    void give_back(PacketTrace* trace) { WEIR_CHECK(free_.put(trace)); }
    /// Packets that the filter did not see, for lack of room.
    uint64_t passed_over() const { return passed_over_.load(std::memory_order_relaxed); }

private:
    uint32_t allowance(uint64_t now_tsc);

    std::shared_ptr<TraceOrder> order_;
    std::vector<std::unique_ptr<PacketTrace>> traces_;
    SpscRing<PacketTrace*, kTraceRecorders> filled_, free_;
    // The worker's own.
    std::array<PacketTrace*, kTraceRecorders> in_hand_{};
    uint32_t in_hand_count_ = 0;
    uint32_t chosen_ = 0;  ///< and not begun
    uint64_t interval_tsc_, refilled_tsc_;
    uint32_t tokens_ = kTraceRecorders;
    std::atomic<uint64_t> passed_over_{0};
};

}  // namespace weir::dataplane
