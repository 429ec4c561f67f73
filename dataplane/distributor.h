#pragma once
// Shares the packets of one receive queue out to all workers, by their flow, where a device has
// fewer queues than there are workers. The worker that polls the queue keeps its own and hands the
// others' over, a ring for each worker; all packets of a flow go one way, so that their order
// stays.

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/capture/tap.h"
#include "dataplane/flow_hash.h"

namespace weir::dataplane {

constexpr uint32_t kDistributorPackets = 1024;  ///< that one ring holds; one less fits
/// What a round costs is shared by more packets than with DPDK's usual 32, and their headers still
/// lie in the first cache together.
constexpr uint32_t kRxBurstPackets = 64;

class Distributor {
public:
    /// `rings`: by worker; nullptr for the one that polls the queue. `wait_cycles`: how long what
    /// does not fit stays in the device's queue, where senders wait for room; 0: it is dropped, so
    /// that one worker's flood is not the others' too.
    Distributor(std::vector<rte_ring*> rings, FragmentedPairs& fragmented, uint64_t wait_cycles);
    ~Distributor();
    Distributor(const Distributor&) = delete;
    Distributor& operator=(const Distributor&) = delete;

    // -- the worker that polls the queue ----------------------------------------------------------
    /// False: leave the queue alone for now, a ring has no room for a burst. True again when that
    /// lasted for `wait_cycles`.
    bool has_room() { return wait_cycles_ == 0 || have_room(); }
    /// Leaves the packets that the caller keeps at the front, in order, and returns how many. The
    /// others are noted for flush(), which must come before the next burst.
    uint32_t keep_own(std::span<rte_mbuf*> packets);
    /// Packets noted and not yet handed over.
    uint32_t noted() const { return noted_; }

    /// TSC cycles since keep_own handed `packet` over; up to two minutes.
    static uint64_t waited_cycles(const rte_mbuf& packet) {
        return uint64_t{time_stamp() - packet.hash.fdir.hi} << kStampShift;
    }

    // -- the worker that a ring leads to ----------------------------------------------------------
    /// Up to kRxBurstPackets, on their way from the giver's cache to ours.
    static uint16_t take(rte_ring& ring, rte_mbuf** packets);

    struct Refused {
        uint32_t packets = 0;
        uint64_t bytes = 0;
    };
    /// Hands over what keep_own noted, frees what found no room, and says how much that was. Call
    /// after Counters::publish, which then has counted these packets as handed over before their
    /// taker can count them as taken.
    /// `tap`: who hears of the latter, as dropped at `port`; nullptr: nobody.
    Refused flush(capture::Tap* tap = nullptr, uint32_t port = 0);

private:
    struct Target {
        rte_ring* ring = nullptr;
        uint32_t count = 0;
        rte_mbuf* packets[kRxBurstPackets];
    };

    static constexpr uint32_t kStampShift = 6;
    /// In a part of the packet's head that only flow directors use, which are never configured.
    static uint32_t time_stamp() { return static_cast<uint32_t>(rte_rdtsc() >> kStampShift); }
    bool have_room();

    FragmentedPairs& fragmented_;
    std::vector<Target> targets_;
    uint32_t noted_ = 0;
    uint64_t wait_cycles_;
    uint64_t stalled_since_tsc_ = 0;  ///< 0: there was room
};

}  // namespace weir::dataplane
